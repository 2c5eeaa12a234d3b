import type { CacheBackend } from '@ninefold/core';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeRedisBackend } from '../src/node-redis.ts';

let server: ServerProcess;
let backend: CacheBackend;

beforeAll(async () => {
  server = await startRedis();
  backend = nodeRedisBackend({ url: `redis://${server.host}:${server.port}`, timeoutMs: 10_000 });
  await backend.exists('connected');
});

afterAll(async () => {
  await backend.close();
  await server.stop();
});

/** The server counts them, too. */
const COMMANDS_OF_SCRIPTS = ['exists', 'set', 'incrby'];

const keys = Array.from({ length: 1000 }, (_, index) => `k${index}`);
const pairs = keys.map((key) => [key, 'x'.repeat(1000)] as const);

const operations: [operation: string, command: string, call: () => Promise<unknown>][] = [
  ['getValue', 'get', () => backend.getValue('k')],
  ['setValue', 'set', () => backend.setValue('k', 1)],
  ['setValue with a TTL', 'set', () => backend.setValue('k', 1, { ttl: 60 })],
  ['exists', 'exists', () => backend.exists('k')],
  ['delete', 'unlink', () => backend.delete('k')],
  ['incr', 'eval', () => backend.incr('n')],
  ['incr with a TTL', 'eval', () => backend.incr('m', 1, { ttl: 60 })],
  ['a batch of 1,000 sets and 1 MB', 'mset', () => backend.multiSetValues(pairs)],
  ['a batch of 1,000 sets and 1 MB with a TTL', 'eval', () => backend.multiSetValues(pairs, { ttl: 60 })],
  ['a batch of 1,000 reads and 1 MB', 'mget', () => backend.multiGetValues(keys)],
  ['a batch of 1,000 deletes', 'unlink', () => backend.deleteMany(keys)],
];

/** How often the server ran each command during a call. */
async function countsOf(call: () => Promise<unknown>): Promise<ReadonlyMap<string, number>> {
  await ask(server, 'CONFIG', 'RESETSTAT');
  await call();
  const stats = await ask(server, 'INFO', 'commandstats');
  const counts = new Map<string, number>();
  for (const [, name = '', count] of stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) counts.set(name, Number(count));
  counts.delete('config|resetstat');
  return counts;
}

it.each(operations)('%s costs one command: %s', async (_, command, call) => {
  const counts = new Map(await countsOf(call));
  if (command === 'eval') for (const name of COMMANDS_OF_SCRIPTS) counts.delete(name);
  expect(counts).toEqual(new Map([[command, 1]]));
});

it('a batch of more than 33,554,432 UTF-16 units is several commands', async () => {
  const large = 'x'.repeat(20_000_000);
  const counts = await countsOf(() => backend.multiSetValues(['a', 'b', 'c'].map((key) => [key, large])));
  expect(counts).toEqual(new Map([['set', 3]]));
});
