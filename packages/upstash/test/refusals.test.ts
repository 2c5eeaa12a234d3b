import type { CacheBackend } from '@ninefold/core';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { UpstashFront } from '@ninefold/tooling/upstash-front';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { upstashBackend } from '../src/upstash.ts';

let server: ServerProcess;
let front: UpstashFront;
let backend: CacheBackend;

beforeAll(async () => {
  server = await startRedis(['--maxmemory-policy', 'noeviction']);
  front = await UpstashFront.start({ redis: server, token: 't0ken' });
  backend = upstashBackend({ url: front.url, token: front.token, timeoutMs: 20_000 });
});

afterAll(async () => {
  await backend.close();
  await front.stop();
  await server.stop();
});

const pairs = [
  ['a', 's3cretValue'],
  ['b', 's3cretValue'],
] as const;
const writes = (): Promise<unknown>[] => [
  backend.setValue('k', 's3cretValue', { ttl: 60 }),
  backend.incr('n'),
  backend.incr('new', 1, { ttl: 60 }),
  backend.multiSetValues(pairs),
  backend.multiSetValues(pairs, { ttl: 60 }),
];
const deletes = (): Promise<unknown>[] => [backend.delete('k'), backend.deleteMany(['k', 'n'])];
const reads = (): Promise<unknown>[] => [backend.getValue('k'), backend.multiGetValues(['n']), backend.exists('k')];

describe('a Redis that refuses', () => {
  beforeEach(async () => {
    await backend.multiSetValues([
      ['k', 'v'],
      ['n', 41],
    ]);
  });

  async function takesAllAgain(): Promise<void> {
    await ask(server, 'REPLICAOF', 'NO', 'ONE');
    await ask(server, 'CONFIG', 'SET', 'maxmemory', '0', 'replica-serve-stale-data', 'yes');
  }

  afterEach(async () => {
    await takesAllAgain();
    await ask(server, 'FLUSHALL');
  });

  const full = { code: 'BACKEND', retryable: false, cause: { code: 'OOM' } };
  const readOnly = { code: 'BACKEND', retryable: true, cause: { code: 'READONLY' } };
  const down = { code: 'UNAVAILABLE', retryable: true, cause: { code: 'MASTERDOWN' } };
  const replica = ['REPLICAOF 127.0.0.1 1'];
  it.each([
    ['writes, its memory being full', ['CONFIG SET maxmemory 1'], full, writes, () => [...reads(), ...deletes()]],
    ['writes, being a replica', replica, readOnly, () => [...writes(), ...deletes()], reads],
    ['all, having lost its primary', ['CONFIG SET replica-serve-stale-data no', ...replica], down, reads, () => []],
  ])('%s, rejects with its own code, and wrote nothing', async (_, commands, expected, refused, taken) => {
    for (const command of commands) await ask(server, ...command.split(' '));
    for (const call of refused()) {
      const failure = await failureOf(call, ['s3cretValue']);
      expect(failure).toMatchObject(expected);
      expect(failure.maybeApplied).toBe(failure.operation === 'multiSetValues' || failure.operation === 'deleteMany');
    }
    await Promise.all(taken());
    await takesAllAgain();
    expect(await backend.multiGetValues(['a', 'b', 'new'])).toEqual([undefined, undefined, undefined]);
    await Promise.all(writes());
  });

  it('to increment another type rejects NOT_A_COUNTER; the key exists, reads as a miss, and can be overwritten', async () => {
    await ask(server, 'LPUSH', 'list', 's3cretValue');
    const incrs = [backend.incr('list'), backend.incr('list', 2, { ttl: 60 })];
    for (const failure of await Promise.all(incrs.map((incr) => failureOf(incr, ['s3cretValue'])))) {
      expect(failure).toMatchObject({ code: 'NOT_A_COUNTER', maybeApplied: false, cause: { code: 'WRONGTYPE' } });
      expect(failure.message).toBe('[upstash] incr "list": the key holds another type');
    }
    expect(await ask(server, 'LLEN', 'list')).toBe('1');
    expect(await backend.multiGetValues(['list', 'n'])).toEqual([undefined, 41]);
    expect([await backend.getValue('list'), await backend.exists('list')]).toEqual([undefined, true]);
    await backend.setValue('list', 1);
    expect(await backend.incr('list')).toBe(2);
    await ask(server, 'LPUSH', 'other', 'x');
    expect(await backend.deleteMany(['list', 'other'])).toBe(2);
  });

  it('to exceed 64 bits, or to add 0 beyond 53, rejects COUNTER_RANGE, and leaves a foreign counter as it was', async () => {
    await ask(server, 'SET', 'n', '9223372036854775807');
    expect(await failureOf(backend.incr('n'))).toMatchObject({ code: 'COUNTER_RANGE', maybeApplied: false });
    expect(await ask(server, 'GET', 'n')).toBe('9223372036854775807');
    expect(await failureOf(backend.incr('n', 0))).toMatchObject({ code: 'COUNTER_RANGE', maybeApplied: false });
    expect(await ask(server, 'GET', 'n')).toBe('9223372036854775807');
  });
});
