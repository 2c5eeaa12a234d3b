import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CacheBackend } from '@ninefold/core';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { staysQuiet } from '@ninefold/tooling/testing/stays-quiet';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { redisBackend } from '../src/redis.ts';
import { ACL_LINE, CLUSTER_PERMISSIONS, PASSWORD } from './support/permissions.ts';

let server: ServerProcess;
let backend: CacheBackend;

beforeAll(async () => {
  server = await startRedis();
});

afterAll(() => server.stop());

it('the README shows the user that the suite runs as', () => {
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
  expect(readme).toContain(ACL_LINE.replace(PASSWORD, 'password'));
  expect(readme).toContain(CLUSTER_PERMISSIONS);
});

/** How many times the server ran MSET. */
function batchesIn(stats: string): number {
  return Number(/cmdstat_mset:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

describe('a user with fewer permissions', () => {
  staysQuiet();

  let namespaces = 0;

  beforeEach(() => {
    namespaces += 1;
  });

  afterEach(async () => {
    await backend.close();
    await ask(server, 'ACL', 'DELUSER', 'less');
  });

  /** The namespace of this test. */
  const space = (): string => `less${namespaces}`;

  async function may(...changes: string[]): Promise<void> {
    const rules = ACL_LINE.replace('~shop:*', `~${space()}:*`).replace(' cache ', ' less ').split(' ');
    await ask(server, ...rules, ...changes);
    const { host, port } = server;
    backend = redisBackend({ url: `redis://less:${PASSWORD}@${host}:${port}`, namespace: space(), timeoutMs: 5000 });
  }

  const pairs: [string, number][] = [
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ];
  const keys = ['a', 'b', 'c', 'none'];

  it('reads batches, and many keys at once, without MGET', async () => {
    await may('-mget');
    await backend.multiSetValues(pairs);
    await ask(server, 'LPUSH', `${space()}:list`, 'foreign');
    expect(await backend.multiGetValues([...keys, 'list', 'a'])).toEqual([1, 2, 3, undefined, undefined, 1]);
    expect(await Promise.all(keys.map((key) => backend.getValue(key)))).toEqual([1, 2, 3, undefined]);
  });

  it('stores batches without MSET, with and without a TTL', async () => {
    await may('-mset');
    await backend.multiSetValues(pairs);
    expect(await backend.multiGetValues(keys)).toEqual([1, 2, 3, undefined]);
    expect(await ask(server, 'PTTL', `${space()}:a`)).toBe('-1');
    await backend.multiSetValues(
      pairs.map(([key, value]) => [key, value + 10]),
      { ttl: 60 },
    );
    expect(await backend.multiGetValues(keys)).toEqual([11, 12, 13, undefined]);
    for (const [key] of pairs) expect(Number(await ask(server, 'PTTL', `${space()}:${key}`))).toBeGreaterThan(50_000);
  });

  it('stores batches with a TTL without scripts', async () => {
    await may('-eval', '-evalsha');
    const batches = await ask(server, 'INFO', 'commandstats').then(batchesIn);
    // By the first batch the backend learns that it may not.
    for (const ttl of [60, 600, 6000]) {
      await backend.multiSetValues([...pairs, ['text', 'x']], { ttl });
      expect(await backend.multiGetValues([...keys, 'text'])).toEqual([1, 2, 3, undefined, 'x']);
      for (const key of ['a', 'b', 'c', 'text']) {
        const left = Number(await ask(server, 'PTTL', `${space()}:${key}`));
        expect(left).toBeGreaterThan((ttl - 10) * 1000);
        expect(left).toBeLessThanOrEqual(ttl * 1000);
      }
    }
    // No entry was stored without its TTL first.
    expect(batchesIn(await ask(server, 'INFO', 'commandstats'))).toBe(batches);
  });

  it.each([
    ['scripts', ['-eval', '-evalsha'], /EVAL/],
    ['EXISTS and INCRBY', ['-exists', '-incrby'], /INCRBY/],
  ])(
    'cannot count without %s: the error names what is missing, and nothing is counted',
    async (_, changes, missing) => {
      await may(...changes);
      await backend.setValue('n', 41);
      for (const call of [() => backend.incr('n'), () => backend.incr('new', 1, { ttl: 60 })]) {
        const failure = await failureOf(call(), [PASSWORD]);
        expect(failure).toMatchObject({ code: 'AUTH', retryable: false, maybeApplied: false });
        expect(failure.message).toMatch(missing);
      }
      expect(await backend.multiGetValues(['n', 'new'])).toEqual([41, undefined]);
    },
  );

  it('counts at the ends of the range, and with a TTL, without PEXPIRE and DECRBY', async () => {
    await may();
    await backend.setValue('n', Number.MAX_SAFE_INTEGER);
    expect(await failureOf(backend.incr('n', 7))).toMatchObject({ code: 'COUNTER_RANGE', maybeApplied: false });
    expect(await backend.incr('n', -7, { ttl: 60 })).toBe(Number.MAX_SAFE_INTEGER - 7);
    expect(await ask(server, 'PTTL', `${space()}:n`)).toBe('-1');
    expect(await backend.incr('new', -3, { ttl: 60 })).toBe(-3);
    expect(Number(await ask(server, 'PTTL', `${space()}:new`))).toBeGreaterThan(50_000);
    await ask(server, 'SET', `${space()}:foreign`, `${2n ** 53n}`);
    expect(await failureOf(backend.incr('foreign', 0))).toMatchObject({ code: 'COUNTER_RANGE', maybeApplied: false });
    expect(await ask(server, 'GET', `${space()}:foreign`)).toBe(`${2n ** 53n}`);
  });

  it('deletes by DEL without UNLINK, and gets an error that names DEL without either', async () => {
    await may('-unlink', '+del');
    await backend.multiSetValues(pairs);
    expect(await backend.delete('a')).toBe(1);
    expect(await backend.deleteMany(keys)).toBe(2);
    await backend.close();
    await may('-unlink', '-del');
    await backend.multiSetValues(pairs);
    for (const call of [() => backend.delete('a'), () => backend.deleteMany(keys)]) {
      const failure = await failureOf(call());
      expect(failure).toMatchObject({ code: 'AUTH', retryable: false });
      expect(failure.message).toMatch(/DEL/);
    }
  });

  it('may have a password that the server does not require', async () => {
    const { host, port } = server;
    backend = redisBackend({ url: `redis://:${PASSWORD}@${host}:${port}`, namespace: space(), timeoutMs: 2000 });
    expect(await backend.incr('n')).toBe(1);
  });

  it('uses another database only with SELECT, and never the first one instead', async () => {
    for (const change of ['+select', '-select']) {
      await may(change);
      await backend.close();
      const { host, port } = server;
      const url = `redis://less:${PASSWORD}@${host}:${port}/3`;
      backend = redisBackend({ url, namespace: space(), timeoutMs: 2000 });
      if (change === '+select') {
        await backend.setValue('there', 1);
        expect(await backend.getValue('there')).toBe(1);
      } else {
        expect(await failureOf(backend.setValue('there', 1))).toMatchObject({ code: 'AUTH', maybeApplied: false });
      }
      expect(await ask(server, 'EXISTS', `${space()}:there`)).toBe('0');
    }
    const { host, port } = server;
    const beyond = redisBackend({ url: `redis://${host}:${port}/99`, namespace: space(), timeoutMs: 2000 });
    for (const call of [() => beyond.setValue('there', 1), () => beyond.getValue('there')]) {
      const failure = await failureOf(call());
      expect(failure).toMatchObject({ code: 'BACKEND', retryable: false, maybeApplied: false });
      expect(failure.message).toContain('no such database');
    }
    expect(await ask(server, 'EXISTS', `${space()}:there`)).toBe('0');
    await beyond.close();
  });

  it('reads what it may while concurrent reads of other keys are refused', async () => {
    await may('resetkeys', `~${space()}:mine*`);
    await ask(server, 'MSET', `${space()}:mine1`, '1', `${space()}:theirs`, '2', `${space()}:mine2`, '3');
    const [one, theirs, two] = await Promise.allSettled(
      ['mine1', 'theirs', 'mine2'].map((key) => backend.getValue(key)),
    );
    expect(one).toEqual({ status: 'fulfilled', value: 1 });
    expect(two).toEqual({ status: 'fulfilled', value: 3 });
    expect(theirs).toMatchObject({ status: 'rejected', reason: { code: 'AUTH', key: 'theirs' } });
    expect(await failureOf(backend.multiGetValues(['mine1', 'theirs', 'mine2']))).toMatchObject({
      code: 'AUTH',
      key: 'theirs',
    });
    const batches = await Promise.allSettled(
      [['mine1'], ['mine1', 'mine2'], ['mine2', 'theirs'], ['mine2', 'mine3']].map((keys) =>
        backend.multiGetValues(keys),
      ),
    );
    expect(batches).toMatchObject([
      { value: [1] },
      { value: [1, 3] },
      { reason: { code: 'AUTH', key: 'theirs' } },
      { value: [3, undefined] },
    ]);
    expect(await failureOf(backend.setValue('theirs', 1))).toMatchObject({ code: 'AUTH', maybeApplied: false });
    expect(await failureOf(backend.incr('theirs'))).toMatchObject({ code: 'AUTH', maybeApplied: false });
    expect(await backend.incr('mine1')).toBe(2);
  });

  it('gets an error that names the refused key of a batch among other reads', async () => {
    await may('resetkeys', `~${space()}:mine*`);
    await backend.setValue('mine', 1);
    const reads = Array.from({ length: 70 }, () => backend.getValue('mine'));
    expect((await failureOf(backend.multiGetValues(['mine', 'theirs']))).key).toBe('theirs');
    expect(await Promise.all(reads)).toEqual(reads.map(() => 1));
  });

  it('stores what it may of a batch with a TTL, and gets an error that names the refused key', async () => {
    await may('resetkeys', `~${space()}:mine*`);
    const pairs = ['mine1', 'theirs', 'mine2'].map((key) => [key, 1] as const);
    expect(await failureOf(backend.multiSetValues(pairs, { ttl: 60 }))).toMatchObject({ code: 'AUTH', key: 'theirs' });
    expect(await backend.multiGetValues(['mine1', 'mine2'])).toEqual([1, 1]);
    expect(await ask(server, 'EXISTS', `${space()}:theirs`)).toBe('0');
  });

  it('gets an error that names the refused key of a batch of one, alone and beside others', async () => {
    await may('resetkeys', `~${space()}:mine*`);
    for (const options of [{}, { ttl: 60 }]) {
      const failures = await Promise.all([
        failureOf(backend.multiSetValues([['theirs', 1]], options)),
        failureOf(backend.multiSetValues([['others', 1]], options)),
      ]);
      expect(failures.map(({ key }) => key)).toEqual(['theirs', 'others']);
    }
  });
});
