import { describeCacheBackend } from '@ninefold/core/conformance';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { createClientPool as createPool6 } from 'redis';
import { createClientPool as createPool5 } from 'redis-5';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { nodeRedisBackend, nodeRedisCapabilities, type RedisClient } from '../../src/node-redis.ts';

let server: ServerProcess;
let pools: readonly (RedisClient & { close(): Promise<unknown> })[];

beforeAll(async () => {
  server = await startRedis();
  const url = `redis://${server.host}:${server.port}`;
  const size = { minimum: 4, maximum: 4 };
  const [pool5, pool6] = [createPool5({ url }, size), createPool6({ url }, size)];
  await Promise.all([pool5.connect(), pool6.connect()]);
  pools = [pool5, pool6];
});

afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.close()));
  await server.stop();
});

for (const [index, version] of ['5', '6'].entries()) {
  describeCacheBackend(`node-redis on a pool of redis ${version} that is handed in`, {
    describe,
    it,
    create: (options) => nodeRedisBackend({ client: pools[index] as RedisClient, timeoutMs: 10_000, ...options }),
    capabilities: nodeRedisCapabilities,
  });
}
