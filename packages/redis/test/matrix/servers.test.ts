import { type CacheError, scoped } from '@ninefold/core';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { freePort } from '@ninefold/tooling/servers/free-port';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { type UnpackedServer, unpackedServer } from '@ninefold/tooling/servers/unpack';
import { until } from '@ninefold/tooling/servers/until';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisBackend } from '../../src/redis.ts';
import { SlotMove, startCluster, type TestCluster } from '../support/cluster.ts';
import { CLUSTER_PERMISSIONS, PASSWORD, permit, USER } from '../support/permissions.ts';
import { tryAll } from '../support/try-all.ts';

/** The servers, with the command by which each stores a batch with a TTL. */
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
  });

  afterAll(async () => {
    await server.stop();
    await cluster.stop();
  });

  tryAll(name, (options) => redisBackend({ url, ...options }));
  tryAll(`a Cluster of ${name}`, (options) => redisBackend({ cluster: cluster.urls, ...options }));

  it('stores a batch with a TTL by one command, and by its fallback once that is forbidden', async () => {
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
    // The first batch probes the server.
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

  it('stores no batch on a node of a Cluster that is given as `url`', async () => {
    for (const node of cluster.nodes) await permit(node, ...CLUSTER_PERMISSIONS.split(' '), `+${command}`);
    const lone = redisBackend({ url: cluster.urls[0], timeoutMs: 5000 });
    const pairs = Array.from({ length: 9 }, (_, index) => [`lone${index}`, 'lone'] as const);
    for (let batch = 0; batch < 3; batch++)
      await expect(lone.multiSetValues(pairs, { ttl: 60 })).rejects.toMatchObject({ code: 'BACKEND' });
    await lone.close();
  });

  it('stores nothing of a batch whose call ended before its command was refused', async () => {
    await permit(server, `+${command}`);
    const proxy = await FaultProxy.start(server);
    const way = Object.assign(new URL(url), { port: String(proxy.port) }).href;
    const backend = redisBackend({ url: way, namespace: 'ended', timeoutMs: 10_000 });
    for (const value of [0, 1])
      await backend.multiSetValues(
        [...'xy'].map((key) => [key, value] as const),
        { ttl: 60 },
      );
    await permit(server, `-${command}`);
    await proxy.set({ kind: 'delay', delayMs: 1500 });
    const scope = scoped(backend, 'scope');
    const pairs = [...'ab'].map((key) => [key, 'old'] as const);
    const given = scope.multiSetValues(pairs, { ttl: 60 }).catch(({ code }: CacheError) => code);
    await scope.close();
    expect(await given).toBe('CLOSED');
    // Its reply comes after the refusal of the commands before it.
    await backend.exists('scope:a');
    expect(await backend.multiGetValues(['scope:a', 'scope:b'])).toEqual([undefined, undefined]);
    await backend.close();
    await proxy.stop();
  });

  it('stores a batch with a TTL on the nodes of its keys while their slot migrates', async () => {
    for (const node of cluster.nodes) await permit(node, ...CLUSTER_PERMISSIONS.split(' '), `+${command}`);
    const backend = redisBackend({ cluster: cluster.urls, namespace: 'moves', timeoutMs: 5000 });
    const keys = ['{tag}a', '{tag}b', '{tag}c'];
    const store = async (value: string): Promise<void> => {
      await backend.multiSetValues(
        keys.map((key) => [key, value] as const),
        { ttl: 60 },
      );
      expect(await backend.multiGetValues(keys)).toEqual(keys.map(() => value));
    };
    await store('first');
    await store('at rest');
    const move = await SlotMove.begin(cluster.nodes, 'moves:{tag}');
    await move.migrate(['moves:{tag}b']);
    await store('half moved');
    await move.end();
    await store('moved');
    await backend.close();
  });
});

describe('Redis 6', () => {
  let server: ServerProcess;
  let url: string;
  let cluster: TestCluster;

  beforeAll(async () => {
    const program = await unpackedServer('Redis 6');
    server = await startRedis([], { program });
    await permit(server);
    url = `redis://${USER}:${PASSWORD}@${server.host}:${server.port}`;
    cluster = await startCluster({ primaries: 3, program });
  });

  afterAll(async () => {
    await server.stop();
    await cluster.stop();
  });

  tryAll('Redis 6', (options) => redisBackend({ url, ...options }));
  tryAll('a Cluster of Redis 6', (options) => redisBackend({ cluster: cluster.urls, ...options }));

  it('rejects an increment by a user without INCRBY, and names it', async () => {
    await permit(server, '-incrby');
    const backend = redisBackend({ url, namespace: 'counts' });
    const counted = backend.incr('never');
    await expect(counted).rejects.toMatchObject({ code: 'AUTH', retryable: false, maybeApplied: false });
    await expect(counted).rejects.toThrow('INCRBY');
    await permit(server);
    expect(await backend.incr('never')).toBe(1);
    await backend.close();
  });

  it('stores batches with a TTL by SET, because it does not answer a bare HELLO', async () => {
    const backend = redisBackend({ url, namespace: 'batches' });
    const pairs = ['a', 'b', 'c'].map((key) => [key, 1] as const);
    await backend.multiSetValues(pairs, { ttl: 60 });
    await ask(server, 'CONFIG', 'RESETSTAT');
    await backend.multiSetValues(pairs, { ttl: 60 });
    const stats = await ask(server, 'INFO', 'commandstats');
    expect(stats).toContain('cmdstat_set:calls=3,');
    expect(stats).not.toContain('cmdstat_eval');
    for (const key of ['a', 'b', 'c'])
      expect(Number(await ask(server, 'PTTL', `batches:${key}`))).toBeGreaterThan(50_000);
    await backend.close();
  });
});

it('keeps working if the server restarts as another version, with fewer commands or more', async () => {
  const port = String(await freePort());
  const start = async (name?: UnpackedServer): Promise<ServerProcess> =>
    startRedis(['--port', port], { program: name && (await unpackedServer(name)) });
  const backend = redisBackend({ url: `redis://127.0.0.1:${port}`, timeoutMs: 5000 });
  const keys = ['a', 'b', 'c'];
  for (const name of ['Valkey 9', undefined, 'Redis 8', 'Valkey 9'] as const) {
    const server = await start(name);
    await until('it is found again', () =>
      backend.exists('none').then(
        () => true,
        () => false,
      ),
    );
    for (const round of [1, 2, 3]) {
      await backend.multiSetValues(
        keys.map((key) => [key, `${name} ${round}`] as const),
        { ttl: 60 },
      );
      expect(await backend.multiGetValues(keys)).toEqual(keys.map(() => `${name} ${round}`));
      expect(await backend.incr('n', 1, { ttl: 60 })).toBe(round);
    }
    for (const key of [...keys, 'n'])
      expect(Number(await ask({ host: '127.0.0.1', port: Number(port) }, 'PTTL', key))).toBeGreaterThan(0);
    await server.stop();
  }
  await backend.close();
});
