import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis-5';
import { afterAll, beforeAll, describe } from 'vitest';
import { redisBackend } from '../../src/redis.ts';
import { startCluster, type TestCluster } from '../support/cluster.ts';
import { PASSWORD, USER } from '../support/permissions.ts';
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

const ready = { enableReadyCheck: false };
const clusterOptions = { ...ready, redisOptions: { ...ready, username: USER, password: PASSWORD } };
const nodes = (): { host: string; port: number }[] => cluster.nodes.map(({ host, port }) => ({ host, port }));

// With safe numbers: the client's own integers are wrong within 47 of ±(2^53-1).
const clients: [string, () => Redis | Cluster | Redis5 | Cluster5][] = [
  ['Redis of ioredis 6', () => new Redis(url, ready)],
  ['Redis of ioredis 6 on RESP2', () => new Redis(url, { ...ready, protocol: 2 })],
  ['Redis of ioredis 5', () => new Redis5(url, ready)],
  ['Redis of ioredis 5 with automatic pipelining', () => new Redis5(url, { ...ready, enableAutoPipelining: true })],
  ['Cluster of ioredis 6', () => new Cluster(nodes(), clusterOptions)],
  ['Cluster of ioredis 5', () => new Cluster5(nodes(), clusterOptions)],
];

describe.each(clients)('a provided %s', (name, make) => {
  let client: Redis | Cluster | Redis5 | Cluster5;

  beforeAll(() => {
    client = make();
  });

  afterAll(() => client.disconnect());

  tryAll(name, (options) => redisBackend({ client, ...options }));
});
