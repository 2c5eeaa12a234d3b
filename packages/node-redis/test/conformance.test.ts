import { describeCacheBackend, type SuiteOptions } from '@ninefold/core/conformance';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { tryModel } from '@ninefold/tooling/testing/try-model';
import { createClient as createClient6 } from 'redis';
import { createClient as createClient5 } from 'redis-5';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeRedisBackend, nodeRedisCapabilities, type RedisClient } from '../src/node-redis.ts';
import { startServer } from './support/server.ts';

let url: string;
let stop: () => Promise<void>;
let clients: readonly (RedisClient & { close(): Promise<unknown> })[];

beforeAll(async () => {
  ({ url, stop } = await startServer());
  clients = await Promise.all([createClient5({ url }).connect(), createClient6({ url }).connect()]);
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await stop();
});

const options: SuiteOptions = {
  create: (options) => nodeRedisBackend({ url, timeoutMs: 10_000, ...options }),
  capabilities: nodeRedisCapabilities,
};

describeCacheBackend('node-redis', { describe, it, ...options });
tryModel('node-redis', options);

for (const [index, version] of ['5', '6'].entries()) {
  describeCacheBackend(`node-redis on a client of redis ${version} that is handed in`, {
    describe,
    it,
    create: (options) => nodeRedisBackend({ client: clients[index] as RedisClient, timeoutMs: 10_000, ...options }),
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
