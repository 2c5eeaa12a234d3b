import { describeCacheBackend } from '@ninefold/core/conformance';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { createClient as createClient6, createClientPool as createPool6 } from 'redis';
import { createClient as createClient5, createClientPool as createPool5 } from 'redis-5';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeRedisBackend, nodeRedisCapabilities, type RedisClient } from '../src/node-redis.ts';
import { startServer } from './support/server.ts';

let url: string;
let stop: () => Promise<void>;
const provided = new Map<string, RedisClient & { close(): Promise<unknown> }>();

beforeAll(async () => {
  ({ url, stop } = await startServer());
  provided.set('client of redis 5', await createClient5({ url }).connect());
  provided.set('client of redis 6', await createClient6({ url }).connect());
  const size = { minimum: 4, maximum: 4 };
  for (const [version, pool] of [
    ['5', createPool5({ url }, size)],
    ['6', createPool6({ url }, size)],
  ] as const) {
    await pool.connect();
    provided.set(`pool of redis ${version}`, pool);
  }
});

afterAll(async () => {
  await Promise.all([...provided.values()].map((client) => client.close()));
  await stop();
});

describeCacheBackend('node-redis', {
  describe,
  it,
  create: (options) => nodeRedisBackend({ url, timeoutMs: 10_000, ...options }),
  capabilities: nodeRedisCapabilities,
});

for (const name of ['client of redis 5', 'client of redis 6', 'pool of redis 5', 'pool of redis 6']) {
  describeCacheBackend(`node-redis on a ${name} that is handed in`, {
    describe,
    it,
    create: (options) => nodeRedisBackend({ client: provided.get(name) as RedisClient, timeoutMs: 10_000, ...options }),
    capabilities: nodeRedisCapabilities,
  });
}

it('asks a credentials provider for the password of each connection', async () => {
  const server = await startRedis(['--requirepass', 's3cret']);
  const given = ['s3cret', 'wrong'];
  const credentialsProvider = {
    type: 'async-credentials-provider' as const,
    credentials: async () => ({ username: 'default', password: given.shift() ?? '' }),
  };
  const options = { url: `redis://${server.host}:${server.port}`, redis: { credentialsProvider }, timeoutMs: 10_000 };
  const [right, wrong] = [nodeRedisBackend(options), nodeRedisBackend(options)];
  expect(await right.incr('n')).toBe(1);
  await expect(wrong.incr('n')).rejects.toMatchObject({ code: 'AUTH', maybeApplied: false });
  await Promise.all([right.close(), wrong.close()]);
  await server.stop();
});
