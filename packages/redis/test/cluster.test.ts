import { tryProcesses } from '@ninefold/tooling/testing/try-processes';
import { afterAll, beforeAll } from 'vitest';
import { redisBackend } from '../src/redis.ts';
import { startCluster, type TestCluster } from './support/cluster.ts';
import { tryAll } from './support/try-all.ts';

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startCluster();
});

afterAll(() => cluster.stop());

tryAll('redis in a Cluster', (options) => redisBackend({ cluster: cluster.urls, ...options }));

tryProcesses('several processes on a Cluster', (namespace) => ({
  module: new URL('../src/redis.ts', import.meta.url).href,
  factory: 'redisBackend',
  options: { cluster: cluster.urls, namespace, timeoutMs: 10_000 },
}));
