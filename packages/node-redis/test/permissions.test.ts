import type { CacheBackend } from '@ninefold/core';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { nodeRedisBackend } from '../src/node-redis.ts';

let server: ServerProcess;
let backend: CacheBackend;

beforeAll(async () => {
  server = await startRedis();
});

afterAll(() => server.stop());

afterEach(async () => {
  await backend.close();
  await ask(server, 'ACL', 'DELUSER', 'cache');
});

/** Opens a backend whose user may run these commands and no others. */
async function may(...commands: string[]): Promise<void> {
  const rules = commands.map((command) => `+${command}`);
  await ask(server, 'ACL', 'SETUSER', 'cache', 'on', '>password', '~count:*', '-@all', ...rules);
  const url = `redis://cache:password@${server.host}:${server.port}`;
  backend = nodeRedisBackend({ url, namespace: 'count', timeoutMs: 5000 });
}

it('needs only the permissions that the README of @ninefold/redis lists', async () => {
  await may('get', 'mget', 'set', 'mset', 'exists', 'unlink', 'eval', 'incrby');
  const pairs = [
    ['a', 1],
    ['b', 2],
  ] as const;
  await backend.setValue('a', 0, { ttl: 60 });
  await backend.multiSetValues(pairs);
  await backend.multiSetValues(pairs, { ttl: 60 });
  expect(await backend.multiGetValues(['a', 'b'])).toEqual([1, 2]);
  expect([await backend.getValue('a'), await backend.exists('b'), await backend.incr('a')]).toEqual([1, true, 2]);
  expect([await backend.delete('a'), await backend.deleteMany(['a', 'b'])]).toEqual([1, 1]);
});

it('says which permission is missing', async () => {
  await may('set', 'eval');
  await expect(backend.delete('k')).rejects.toThrow('the user lacks a permission: UNLINK');
  await expect(backend.incr('k')).rejects.toThrow('EXISTS, SET or INCRBY');
});

it('counts at the ends of the range, and with a TTL, by EXISTS, SET and INCRBY alone', async () => {
  await may('get', 'set', 'eval', 'exists', 'incrby');
  await backend.setValue('n', Number.MAX_SAFE_INTEGER);
  await expect(backend.incr('n', 7)).rejects.toMatchObject({ code: 'COUNTER_RANGE', maybeApplied: false });
  expect(await backend.getValue('n')).toBe(Number.MAX_SAFE_INTEGER);
  expect(await backend.incr('n', -7, { ttl: 60 })).toBe(Number.MAX_SAFE_INTEGER - 7);
  expect(await ask(server, 'PTTL', 'count:n')).toBe('-1');
  expect(await backend.incr('new', -3, { ttl: 60 })).toBe(-3);
  expect(Number(await ask(server, 'PTTL', 'count:new'))).toBeGreaterThan(50_000);
  await ask(server, 'SET', 'count:foreign', `${2n ** 53n}`);
  await expect(backend.incr('foreign', 0)).rejects.toMatchObject({ code: 'COUNTER_RANGE', maybeApplied: false });
  expect(await ask(server, 'GET', 'count:foreign')).toBe(`${2n ** 53n}`);
});

it.each(['set', 'incrby'])('counts nothing if %s is missing', async (missing) => {
  await may(...['get', 'set', 'eval', 'exists', 'incrby'].filter((command) => command !== missing));
  const incr = backend.incr('never', 1, missing === 'set' ? { ttl: 60 } : {});
  await expect(incr).rejects.toMatchObject({ code: 'AUTH', maybeApplied: false });
  expect(await ask(server, 'EXISTS', 'count:never')).toBe('0');
});
