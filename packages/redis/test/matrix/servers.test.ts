import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { type UnpackedServer, unpackedServer } from '@ninefold/tooling/servers/unpack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisBackend } from '../../src/redis.ts';
import { startCluster, type TestCluster } from '../support/cluster.ts';
import { PASSWORD, permit, USER } from '../support/permissions.ts';
import { tryAll } from '../support/try-all.ts';

/** Each with the command that stores a batch with a TTL there. */
const servers: [UnpackedServer, 'eval' | 'msetex'][] = [
  ['Redis 8', 'eval'],
  ['Valkey 8', 'eval'],
  ['Valkey 9', 'msetex'],
];

describe.each(servers)('%s', (name, command) => {
  let server: ServerProcess;
  let url: string;
  let cluster: TestCluster;

  beforeAll(async () => {
    const program = await unpackedServer(name);
    server = await startRedis([], { program });
    await permit(server, `+${command}`);
    url = `redis://${USER}:${PASSWORD}@${server.host}:${server.port}`;
    cluster = await startCluster({ primaries: 3, program });
  }, 180_000);

  afterAll(async () => {
    await server.stop();
    await cluster.stop();
  });

  tryAll(name, (options) => redisBackend({ url, ...options }));
  tryAll(`a Cluster of ${name}`, (options) => redisBackend({ cluster: cluster.urls, ...options }));

  it('stores a batch with a TTL by one command, and without it where it is forbidden from then on', async () => {
    const backend = redisBackend({ url, namespace: 'batches' });
    const store = async (value: number, by: string): Promise<void> => {
      await ask(server, 'CONFIG', 'RESETSTAT');
      await backend.multiSetValues(
        ['a', 'b', 'c'].map((key) => [key, value] as const),
        { ttl: 60 },
      );
      const stats = await ask(server, 'INFO', 'commandstats');
      for (const each of ['eval', 'msetex'])
        expect(stats.includes(`cmdstat_${each}:calls=1,usec=`), `${each}, storing by ${by}`).toBe(each === by);
      expect(await backend.multiGetValues(['a', 'b', 'c'])).toEqual([value, value, value]);
      for (const key of ['a', 'b', 'c'])
        expect(Number(await ask(server, 'PTTL', `batches:${key}`))).toBeGreaterThan(50_000);
    };
    // The first asks what the server has.
    await backend.multiSetValues(
      [...'ab'].map((key) => [key, 0] as const),
      { ttl: 600 },
    );
    await store(1, command);
    await permit(server, `-${command}`);
    await backend.multiSetValues(
      [...'ab'].map((key) => [key, 0] as const),
      { ttl: 600 },
    );
    await store(2, command === 'msetex' ? 'eval' : 'set');
    await backend.close();
  });
});
