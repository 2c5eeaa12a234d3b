import { startRedis } from '@ninefold/tooling/servers/redis';
import { type UnpackedServer, unpackedServer } from '@ninefold/tooling/servers/unpack';
import { afterAll, beforeAll, describe } from 'vitest';
import { redisBackend } from '../../src/redis.ts';
import { startCluster, type TestCluster } from '../support/cluster.ts';
import { PASSWORD, permit, USER } from '../support/permissions.ts';
import { tryAll } from '../support/try-all.ts';

const servers: UnpackedServer[] = ['Redis 8', 'Valkey 8'];

describe.each(servers)('%s', (name) => {
  let url: string;
  let stop: () => Promise<void>;
  let cluster: TestCluster;

  beforeAll(async () => {
    const program = await unpackedServer(name);
    const server = await startRedis([], { program });
    await permit(server);
    url = `redis://${USER}:${PASSWORD}@${server.host}:${server.port}`;
    stop = server.stop;
    cluster = await startCluster({ primaries: 3, program });
  }, 180_000);

  afterAll(async () => {
    await stop();
    await cluster.stop();
  });

  tryAll(name, (options) => redisBackend({ url, ...options }));
  tryAll(`a Cluster of ${name}`, (options) => redisBackend({ cluster: cluster.urls, ...options }));
});
