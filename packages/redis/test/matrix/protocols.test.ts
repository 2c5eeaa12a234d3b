import { afterAll, beforeAll, describe } from 'vitest';
import { redisBackend } from '../../src/redis.ts';
import { startCluster, type TestCluster } from '../support/cluster.ts';
import { startServer } from '../support/server.ts';
import { tryAll } from '../support/try-all.ts';

let url: string;
let stop: () => Promise<void>;
let cluster: TestCluster;

beforeAll(async () => {
  ({ url, stop } = await startServer());
  cluster = await startCluster();
});

afterAll(async () => {
  await stop();
  await cluster.stop();
});

describe.each([2, 3] as const)('RESP%i', (protocol) => {
  tryAll('redis', (options) => redisBackend({ url, redis: { protocol }, ...options }));
  tryAll('a Cluster', (options) => redisBackend({ cluster: cluster.urls, redis: { protocol }, ...options }));
});
