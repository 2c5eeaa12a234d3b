import { type CacheBackend, type CacheError, scoped } from '@ninefold/core';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { startRedisCluster } from '@ninefold/tooling/servers/redis-cluster';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { redisBackend } from '../src/redis.ts';
import { ACL_LINE, PASSWORD } from './support/permissions.ts';

let server: ServerProcess;

beforeAll(async () => {
  server = await startRedis();
});

afterAll(() => server.stop());

const keysOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `k${index}`);

/** The code of each failure with its key and whether it may have been applied, and 'stored' for the others. */
async function outcomesOf(sets: readonly Promise<void>[]): Promise<unknown[]> {
  return (await Promise.allSettled(sets)).map((outcome) => {
    if (outcome.status === 'fulfilled') return 'stored';
    const { code, key, maybeApplied } = outcome.reason as CacheError;
    return [code, key, maybeApplied];
  });
}

describe('in one tick', () => {
  let backend: CacheBackend;

  beforeEach(async () => {
    backend = redisBackend({ url: `redis://127.0.0.1:${server.port}`, namespace: 'order', timeoutMs: 20_000 });
    await backend.multiSetValues(
      [...'ab'].map((key) => [key, 0] as const),
      { ttl: 60 },
    );
  });

  afterEach(async () => {
    await backend.deleteMany(['a', 'b']);
    await backend.close();
  });

  const both = [...'ab'].map((key) => [key, 5] as const);
  const writes: [string, () => Promise<unknown>, unknown][] = [
    ['setValue', () => backend.setValue('a', 5), 5],
    ['multiSetValues', () => backend.multiSetValues(both), 5],
    ['delete', () => backend.delete('a'), undefined],
    ['deleteMany', () => backend.deleteMany(['a', 'b']), undefined],
    ['incr', () => backend.incr('a'), 2],
  ];

  it.each(writes)('a set is not overtaken by %s', async (_, write, after) => {
    await Promise.all([backend.setValue('a', 1), write()]);
    expect(await backend.getValue('a')).toBe(after);
  });

  it.each(writes)('a read is not overtaken by %s', async (_, write) => {
    await backend.setValue('a', 1);
    // The first leaves at once; the next is written later.
    const [, read] = await Promise.all([backend.getValue('b'), backend.getValue('a'), write()]);
    expect(read).toBe(1);
  });

  it.each([
    ['getValue', () => backend.getValue('a'), 1],
    ['multiGetValues', () => backend.multiGetValues(['a', 'none']), [1, undefined]],
    ['exists', () => backend.exists('a'), true],
  ])('a set is not overtaken by %s', async (_, read, expected) => {
    await backend.delete('a');
    expect((await Promise.all([backend.setValue('a', 1), read()]))[1]).toEqual(expected);
  });
});

describe('sets of one tick that fail', () => {
  let backend: CacheBackend;

  afterEach(() => backend.close());

  it('for the key of one of them, reject only that one', async () => {
    const rules = ACL_LINE.replace('~shop:*', '~less:mine*').replace(' cache ', ' less ').split(' ');
    await ask(server, ...rules);
    const url = `redis://less:${PASSWORD}@${server.host}:${server.port}`;
    backend = redisBackend({ url, namespace: 'less', timeoutMs: 5000 });
    const keys = ['mine1', 'theirs', ...keysOf(8).map((key) => `mine${key}`)];
    for (const [value, ttl] of [
      [1, undefined],
      [2, 60],
    ] as const) {
      expect(await outcomesOf(keys.map((key) => backend.setValue(key, value, { ttl })))).toEqual(
        keys.map((key) => (key === 'theirs' ? ['AUTH', 'theirs', false] : 'stored')),
      );
      for (const key of ['mine1', 'minek7']) expect(await backend.getValue(key)).toBe(value);
    }
    await ask(server, 'ACL', 'DELUSER', 'less');
  });

  it('because the server is out of memory, all reject and say that they were not applied', async () => {
    backend = redisBackend({ url: `redis://${server.host}:${server.port}`, namespace: 'full' });
    await backend.multiSetValues(keysOf(3).map((key) => [key, 'old'] as const));
    await ask(server, 'CONFIG', 'SET', 'maxmemory', '1');
    try {
      for (const ttl of [undefined, 60])
        expect(await outcomesOf(keysOf(9).map((key) => backend.setValue(key, 'new', { ttl })))).toEqual(
          keysOf(9).map((key) => ['BACKEND', key, false]),
        );
    } finally {
      await ask(server, 'CONFIG', 'SET', 'maxmemory', '0');
    }
    expect(await backend.multiGetValues(keysOf(3))).toEqual(['old', 'old', 'old']);
  });

  describe('with the connection', () => {
    let proxy: FaultProxy;

    beforeEach(async () => {
      proxy = await FaultProxy.start(server);
      backend = redisBackend({ url: `redis://127.0.0.1:${proxy.port}`, namespace: 'way', timeoutMs: 1100 });
      for (const ttl of [undefined, 60])
        await Promise.all(keysOf(9).map((key) => backend.setValue(key, 'old', { ttl })));
    });

    afterEach(() => proxy.stop());

    it.each([undefined, 60])('may each have been applied, with the TTL %s', async (ttl) => {
      const sets = (): Promise<unknown[]> => outcomesOf(keysOf(9).map((key) => backend.setValue(key, 'new', { ttl })));
      await proxy.set({ kind: 'cut', on: 'reply', by: 'rst' });
      expect(await sets()).toEqual(keysOf(9).map((key) => ['UNAVAILABLE', key, true]));
      expect(await backend.getValue('k8')).toBe('new');
      await proxy.set({ kind: 'cut', on: 'reply', by: 'rst' });
      expect(await failureOf(backend.setValue('k0', 'newer', { ttl }))).toMatchObject({
        message: '[redis] setValue "k0": the connection was lost (ECONNRESET)',
        cause: { name: 'Error', code: 'ECONNRESET' },
      });
      await proxy.set({ kind: 'silence' });
      expect(await sets()).toEqual(keysOf(9).map((key) => ['TIMEOUT', key, true]));
    });

    it('are not sent for calls that ended before there was a connection', async () => {
      await proxy.set({ kind: 'delay', delayMs: 1500 });
      // The handshake ends after the scope has given up its calls, and before the deadline of the others.
      const late = redisBackend({ url: `redis://:any@127.0.0.1:${proxy.port}`, namespace: 'late', timeoutMs: 10_000 });
      const scope = scoped(late, 'scope');
      const sets = outcomesOf([
        scope.setValue('a', 1),
        late.setValue('a', 1),
        scope.setValue('b', 1),
        late.setValue('b', 1),
      ]);
      await scope.close();
      expect(await sets).toEqual([['CLOSED', 'a', false], 'stored', ['CLOSED', 'b', false], 'stored']);
      expect(await late.multiGetValues(['a', 'b', 'scope:a', 'scope:b'])).toEqual([1, 1, undefined, undefined]);
      await late.close();
    });

    it('leave the probe of a batch that was given up to the next batch', async () => {
      await proxy.set({ kind: 'delay', delayMs: 1500 });
      const late = redisBackend({ url: `redis://:any@127.0.0.1:${proxy.port}`, namespace: 'late', timeoutMs: 10_000 });
      const pairs = [...'ab'].map((key) => [key, 1] as const);
      const scope = scoped(late, 'scope');
      const given = outcomesOf([scope.multiSetValues(pairs, { ttl: 60 })]);
      await scope.close();
      expect(await given).toEqual([['CLOSED', undefined, false]]);
      await proxy.set(undefined);
      await late.exists('connected');
      await ask(server, 'CONFIG', 'RESETSTAT');
      await late.multiSetValues(pairs, { ttl: 60 });
      // The probe fails either way: MSETEX is unknown, or refused because it has no keys.
      expect(await ask(server, 'INFO', 'errorstats')).toContain('errorstat_ERR:count=1');
      await late.close();
    });
  });
});

it('calls of one tick work on a lone node of a cluster, which refuses commands across slots', async () => {
  const { nodes, stop } = await startRedisCluster({ primaries: 1 });
  const backend = redisBackend({ url: `redis://127.0.0.1:${nodes[0]?.port}` });
  await backend.exists('connected');
  expect(await outcomesOf(keysOf(3).map((key) => backend.setValue(key, key)))).toEqual(['stored', 'stored', 'stored']);
  expect(await Promise.all(keysOf(3).map((key) => backend.getValue(key)))).toEqual(keysOf(3));
  await backend.multiSetValues(keysOf(9).map((key) => [key, 1]));
  expect(await backend.deleteMany(keysOf(9))).toBe(9);
  await backend.close();
  await stop();
});
