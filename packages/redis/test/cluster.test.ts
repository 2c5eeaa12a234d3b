import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { notLinearizable } from '@ninefold/core/conformance';
import { countersOf, historyOf, type ProcessBackend } from '@ninefold/tooling/processes';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisBackend } from '../src/redis.ts';
import { startCluster, type TestCluster } from './support/cluster.ts';
import { tryAll } from './support/try-all.ts';

const PROCESSES = 3;

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startCluster();
}, 60_000);

afterAll(() => cluster.stop());

tryAll('redis in a Cluster', (options) => redisBackend({ cluster: cluster.urls, ...options }));

describe('several processes on a Cluster', () => {
  const backend = (namespace: string): ProcessBackend => ({
    module: pathToFileURL(join(import.meta.dirname, '../src/redis.ts')).href,
    factory: 'redisBackend',
    options: { cluster: cluster.urls, namespace },
  });

  it('count every increment once', async () => {
    const results = await countersOf(backend('count'), PROCESSES, 200);
    expect(results).toEqual(Array.from({ length: PROCESSES * 200 }, (_, index) => index + 1));
  }, 60_000);

  it('see what awaited operations on a key allow, and nothing else', async () => {
    const history = await historyOf(backend('mix'), PROCESSES, 60);
    expect(history.length).toBeGreaterThan(PROCESSES * 100);
    expect(notLinearizable(history)).toBeUndefined();
  }, 60_000);
});
