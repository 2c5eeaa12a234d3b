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

/** A backend whose user may run these commands and no others. */
async function may(...commands: string[]): Promise<void> {
  const rules = commands.map((command) => `+${command}`);
  await ask(server, 'ACL', 'SETUSER', 'cache', 'on', '>password', '~count:*', '-@all', ...rules);
  const url = `redis://cache:password@${server.host}:${server.port}`;
  backend = nodeRedisBackend({ url, namespace: 'count', timeoutMs: 5000 });
}

it('counts at the ends of the range, and with a TTL, by EXISTS, SET and INCRBY alone', async () => {
  await may('get', 'set', 'eval', 'exists', 'incrby');
  await backend.setValue('n', Number.MAX_SAFE_INTEGER);
  await expect(backend.incr('n', 7)).rejects.toMatchObject({ code: 'COUNTER_RANGE', maybeApplied: false });
  expect(await backend.getValue('n')).toBe(Number.MAX_SAFE_INTEGER);
  expect(await backend.incr('n', -7, { ttl: 60 })).toBe(Number.MAX_SAFE_INTEGER - 7);
  expect(await ask(server, 'PTTL', 'count:n')).toBe('-1');
  expect(await backend.incr('new', -3, { ttl: 60 })).toBe(-3);
  expect(Number(await ask(server, 'PTTL', 'count:new'))).toBeGreaterThan(50_000);
});

it.each(['set', 'incrby'])('counts nothing where %s is missing', async (missing) => {
  await may(...['get', 'set', 'eval', 'exists', 'incrby'].filter((command) => command !== missing));
  const incr = backend.incr('never', 1, missing === 'set' ? { ttl: 60 } : {});
  await expect(incr).rejects.toMatchObject({ code: 'AUTH', maybeApplied: false });
  expect(await ask(server, 'EXISTS', 'count:never')).toBe('0');
});
