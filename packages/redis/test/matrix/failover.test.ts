import type { AddressInfo } from 'node:net';
import type { CacheBackend } from '@ninefold/core';
import { certificate } from '@ninefold/tooling/servers/certificate';
import { freePort } from '@ninefold/tooling/servers/free-port';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { type RedisSentinel, startRedisSentinel } from '@ninefold/tooling/servers/redis-sentinel';
import { tlsProxy } from '@ninefold/tooling/servers/tls-proxy';
import { until } from '@ninefold/tooling/servers/until';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { staysQuiet } from '@ninefold/tooling/testing/stays-quiet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisSentinelsOptions, redisBackend } from '../../src/redis.ts';
import { closeAfter } from '../support/closing.ts';
import { agree, ownerOf, startCluster, type TestCluster } from '../support/cluster.ts';
import { Load, miscounted, overcounted, recovered, settled } from '../support/load.ts';
import { PASSWORD, permit, USER } from '../support/permissions.ts';
import { tryAll } from '../support/try-all.ts';

/** Milliseconds for a backend once the cluster is healthy: of the 5,000 promised the cluster needs up to 2,000, or more if its first vote fails. */
const CLUSTER_MS = 3000;
const SENTINEL_MS = 15_000;
const PRIMARIES = 3;
const counters = Array.from({ length: 24 }, (_, index) => `counter${index}`);

/** Resolves once every counter counts again. */
async function countsAgain(backend: CacheBackend, limitMs: number): Promise<void> {
  const isBack = async (): Promise<boolean> => {
    const outcomes = await Promise.allSettled(counters.map((counter) => settled(backend.incr(counter, 0))));
    return outcomes.every(({ status }) => status === 'fulfilled');
  };
  await until('every counter counts again', isBack, limitMs);
}

async function primariesOf(nodes: readonly ServerProcess[]): Promise<ServerProcess[]> {
  const roles = await Promise.all(nodes.map((node) => ask(node, 'ROLE')));
  return nodes.filter((_, index) => roles[index]?.startsWith('master'));
}

/** Whether every node says that the cluster is ok, three are primaries with replicas in sync, and all agree on the roles. */
async function areWell(nodes: readonly ServerProcess[]): Promise<boolean> {
  const states = await Promise.all(nodes.map((node) => ask(node, 'CLUSTER', 'INFO')));
  const links = await Promise.all(nodes.map((node) => ask(node, 'INFO', 'replication')));
  // A node that was restarted or has handed over its role believes for a while that it is a primary.
  const replicas = links.filter((link) => !link.includes('role:master'));
  return (
    states.every((state) => state.includes('cluster_state:ok')) &&
    replicas.length === nodes.length - PRIMARIES &&
    replicas.every((link) => link.includes('master_link_status:up')) &&
    (await agree(nodes))
  );
}

/** Milliseconds after which a cluster gives up a manual failover, and may be asked again. */
const HAND_OVER_MS = 5000;

/** Makes a replica the primary by a manual failover; asks again if a busy machine was too slow. */
async function handOver(replica: ServerProcess): Promise<void> {
  let askedAt = Number.NEGATIVE_INFINITY;
  await until('the parts are exchanged', async () => {
    if ((await ask(replica, 'ROLE')).startsWith('master')) return true;
    if (performance.now() - askedAt > 1.2 * HAND_OVER_MS) {
      askedAt = performance.now();
      await ask(replica, 'CLUSTER', 'FAILOVER');
    }
    return false;
  });
}

describe('a Cluster with replicas', () => {
  let cluster: TestCluster;
  let backend: CacheBackend;

  beforeAll(async () => {
    cluster = await startCluster({ primaries: PRIMARIES, replicas: 3, nodeTimeoutMs: 500 });
    backend = redisBackend({ cluster: cluster.urls });
  });

  afterAll(async () => {
    await backend.close();
    await cluster.stop();
  });

  describe('of which nothing fails', () => {
    const setTimeouts = async (milliseconds: number): Promise<void> => {
      for (const node of cluster.nodes) await ask(node, 'CONFIG', 'SET', 'cluster-node-timeout', String(milliseconds));
    };

    // No replica may take over from a primary that is only slow on a busy machine.
    beforeAll(() => setTimeouts(20_000));
    afterAll(() => setTimeouts(500));

    tryAll('redis', (options) => redisBackend({ cluster: cluster.urls, ...options }));
  });

  const ends: [string, (owner: ServerProcess) => unknown, (owner: ServerProcess) => unknown][] = [
    ['dies', (owner) => owner.kill(), (owner) => owner.restart()],
    ['is paused', (owner) => owner.pause(), (owner) => owner.resume()],
  ];

  it.each(ends)(
    'whose primary %s is used again once it is healthy, and every increment counts at most once',
    async (_, end, mend) => {
      // Higher each time, so that a count that a failover has reset does not look like counted twice.
      const start = Date.now() * 1000;
      // A replica that has never had the data of its primary does not take over.
      await until('all are well', () => areWell(cluster.nodes));
      await backend.multiSetValues(counters.map((counter) => [counter, start] as const));
      const load = new Load(backend, counters, { mayGoBack: true });
      await load.counts();
      const primaries = await primariesOf(cluster.nodes);
      const owner = await ownerOf(primaries, counters[0] as string);
      const others = cluster.nodes.filter((node) => node !== owner);
      await end(owner);
      try {
        await until('the others are well', () => areWell(others));
        await countsAgain(backend, CLUSTER_MS);
        await load.counts();
        const ended = await load.stop();
        expect(ended.failures.length).toBeGreaterThan(0);
        for (const { code, retryable } of ended.failures)
          expect({ code, retryable }).toMatchObject({ retryable: true });
        expect(await overcounted(ended, backend, start)).toEqual([]);
        expect(ended.counted.size).toBe(counters.length);
        // A new backend starts from the named nodes that are left.
        const late = redisBackend({ cluster: cluster.urls, timeoutMs: 5000 });
        await recovered(late, counters[0] as string);
        await late.close();
      } finally {
        await Promise.all([load.stop(), mend(owner)]);
      }
    },
  );

  it('lets a process end that closes while the nodes are paused', async () => {
    const pause = async (): Promise<void> => {
      await Promise.all(cluster.nodes.map((node) => node.pause()));
    };
    try {
      const closed = await closeAfter({ cluster: cluster.urls, timeoutMs: 20_000 }, pause);
      expect(closed).toMatchObject({ code: 0, words: '', outcomes: ['CLOSED', 'CLOSED', 'CLOSED'] });
    } finally {
      for (const node of cluster.nodes) node.resume();
    }
  });
});

describe('a second Cluster', () => {
  let cluster: TestCluster;
  let backend: CacheBackend;

  // Roles that went back and forth leave epochs behind on which later votes may fail.
  beforeAll(async () => {
    cluster = await startCluster({ primaries: PRIMARIES, replicas: 3, nodeTimeoutMs: 500 });
    backend = redisBackend({ cluster: cluster.urls });
  });

  afterAll(async () => {
    await backend.close();
    await cluster.stop();
  });

  it('loses nothing and counts nothing twice in a manual failover', async () => {
    const load = new Load(backend, counters);
    await load.counts();
    const [primary, replica] = [cluster.nodes[0] as ServerProcess, cluster.nodes[3] as ServerProcess];
    for (const node of [replica, primary]) {
      await until('all are well', () => areWell(cluster.nodes));
      await handOver(node);
      await countsAgain(backend, CLUSTER_MS);
      await load.counts();
    }
    const ended = await load.stop();
    expect(await miscounted(ended, backend)).toEqual([]);
  });
});

describe('three sentinels', () => {
  let group: RedisSentinel;
  let backend: CacheBackend;
  let options: RedisSentinelsOptions;

  beforeAll(async () => {
    group = await startRedisSentinel();
    for (const server of [group.primary, group.replica]) await permit(server, '+info');
    const urls = group.sentinels.map(({ host, port }) => `redis://${host}:${port}`);
    options = { sentinels: { name: group.name, urls }, redis: { username: USER, password: PASSWORD } };
    backend = redisBackend(options);
  });

  afterAll(async () => {
    await backend.close();
    await group.stop();
  });

  staysQuiet();

  tryAll('redis by Sentinel', (given) => redisBackend({ ...options, ...given }));

  it('have as many subscribers after a server refused writes as before, and none after closing', async () => {
    const [sentinel] = group.sentinels as [ServerProcess];
    const watchers = async (): Promise<number> => {
      const clients = await ask(sentinel, 'CLIENT', 'LIST', 'TYPE', 'pubsub');
      return clients.split('\n').filter((line) => line.includes('sub=') && !line.includes(' sub=0')).length;
    };
    const others = await watchers();
    const watching = redisBackend(options);
    await watching.setValue('k', 0);
    await until('it is watched', async () => (await watchers()) === others + 1);
    for (let turn = 1; turn <= 3; turn++) {
      await ask(group.primary, 'CONFIG', 'SET', 'min-replicas-to-write', '0');
      await ask(group.primary, 'REPLICAOF', '127.0.0.1', '1');
      expect((await failureOf(watching.setValue('k', turn))).code).toBe('BACKEND');
      await ask(group.primary, 'REPLICAOF', 'NO', 'ONE');
      await until('it is a primary again', async () =>
        settled(watching.setValue('k', turn)).then(
          () => true,
          () => false,
        ),
      );
    }
    await until('it is watched once', async () => (await watchers()) === others + 1);
    await watching.close();
    await until('it is watched no more', async () => (await watchers()) === others);
  });

  it('are asked without a word on the console if one is down or requires no password', async () => {
    const [first, ...others] = group.sentinels.map(({ host, port }) => `redis://:needless@${host}:${port}`);
    const urls = [`redis://:needless@127.0.0.1:${await freePort()}`, first as string, ...others];
    const quiet = redisBackend({ ...options, sentinels: { name: group.name, urls } });
    await quiet.setValue('k', 1);
    expect(await quiet.getValue('k')).toBe(1);
    await quiet.close();
  });

  it('lead to no server whose role the user may not read', async () => {
    await permit(group.primary, '-info');
    const blind = redisBackend(options);
    expect(await failureOf(blind.setValue('k', 1))).toMatchObject({ code: 'AUTH', maybeApplied: false });
    await permit(group.primary, '+info');
    await blind.close();
  });

  it('lead to the new primary within 15 s when the old one dies, and every increment counts at most once', async () => {
    const load = new Load(backend, counters, { mayGoBack: true });
    await load.counts();
    await group.primary.kill();
    await countsAgain(backend, SENTINEL_MS);
    await load.counts();
    const ended = await load.stop();
    expect(ended.failures.length).toBeGreaterThan(0);
    for (const { code, retryable } of ended.failures) expect({ code, retryable }).toMatchObject({ retryable: true });
    expect(await overcounted(ended, backend)).toEqual([]);
    expect(await ask(group.replica, 'EXISTS', counters[0] as string)).toBe('1');
  });

  it('let a process end that closes while the primary is paused', async () => {
    const { replica } = group;
    try {
      const closed = await closeAfter({ ...options, timeoutMs: 20_000 }, () => replica.pause());
      expect(closed).toMatchObject({ code: 0, words: '', outcomes: ['CLOSED', 'CLOSED', 'CLOSED'] });
    } finally {
      replica.resume();
    }
  });

  it('that do not lead to the primary are reported with the reason', async () => {
    const { name } = group;
    const [{ port }] = group.sentinels as [ServerProcess];
    const ways = [
      [{ name, urls: ['redis://127.0.0.1:1'] }, 'no sentinel can be reached (ECONNREFUSED)'],
      [
        { name, urls: [`rediss://:s3cret@127.0.0.1:${port}`] },
        'no sentinel can be reached (ETIMEDOUT); the server may not speak TLS',
      ],
      [{ name: 'other', urls: [`redis://127.0.0.1:${port}`] }, 'the sentinels know no primary of that name'],
    ] as const;
    for (const [sentinels, reason] of ways) {
      const lost = redisBackend({ sentinels, timeoutMs: 3000 });
      const failure = await failureOf(settled(lost.setValue('k', 1)), ['s3cret']);
      expect(failure).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied: false });
      expect(failure.message).toBe(`[redis] setValue "k": ${reason}`);
      await lost.close();
    }
  });

  it('that name a primary that is down are not said to be down themselves', async () => {
    const [sentinel] = group.sentinels as [ServerProcess];
    await ask(sentinel, 'SENTINEL', 'MONITOR', 'down', '127.0.0.1', String(await freePort()), '1');
    const url = `redis://127.0.0.1:${sentinel.port}`;
    for (const urls of [[url], [url, 'redis://127.0.0.1:1'], ['redis://127.0.0.1:1', url]]) {
      const lost = redisBackend({ sentinels: { name: 'down', urls }, timeoutMs: 5000 });
      for (let call = 0; call < 6; call++)
        expect((await failureOf(lost.getValue('k'))).message).toBe(
          '[redis] getValue "k": cannot be reached (ECONNREFUSED)',
        );
      await lost.close();
    }
    await ask(sentinel, 'SENTINEL', 'REMOVE', 'down');
  });

  it('lead to a primary with TLS by the options for it', async () => {
    const [sentinel] = group.sentinels as [ServerProcess];
    const { host, port, stop } = await startRedis([], { tls: true });
    await ask(sentinel, 'SENTINEL', 'MONITOR', 'secure', host, String(port), '1');
    const sentinels = { name: 'secure', urls: [`redis://127.0.0.1:${sentinel.port}`] };
    const { ca } = await certificate();
    const secure = redisBackend({ sentinels, redis: { tls: { ca, servername: 'localhost' } }, timeoutMs: 5000 });
    await secure.setValue('k', 1);
    expect(await secure.getValue('k')).toBe(1);
    await secure.close();
    await ask(sentinel, 'SENTINEL', 'REMOVE', 'secure');
    await stop();
  });

  it('are named to themselves by TLS, and so is the primary', async () => {
    const [sentinel] = group.sentinels as [ServerProcess];
    const primary = await startRedis();
    await ask(sentinel, 'SENTINEL', 'MONITOR', 'named', '127.0.0.1', String(primary.port), '1');
    const proxies = await Promise.all([sentinel, primary].map(({ port }) => tlsProxy(port)));
    const [asked, led] = proxies.map(({ proxy }) => (proxy.address() as AddressInfo).port) as [number, number];
    const { ca } = await certificate();
    const named = redisBackend({
      sentinels: { name: 'named', urls: [`rediss://localhost:${asked}`] },
      redis: { tls: { ca }, natMap: { [`127.0.0.1:${primary.port}`]: { host: 'localhost', port: led } } },
      timeoutMs: 5000,
    });
    await named.setValue('k', 1);
    expect(await named.getValue('k')).toBe(1);
    await named.close();
    for (const { proxy, names } of proxies) {
      expect(new Set(names)).toEqual(new Set(['localhost']));
      proxy.close();
    }
    await ask(sentinel, 'SENTINEL', 'REMOVE', 'named');
    await primary.stop();
  });

  it('that refuse to name the primary are reported with the reason', async () => {
    const [sentinel] = group.sentinels as [ServerProcess];
    await ask(sentinel, 'ACL', 'SETUSER', 'blind', 'on', '>s3cret');
    await ask(sentinel, 'ACL', 'SETUSER', 'default', 'resetpass', '>s3cret');
    for (const [login, reason] of [
      ['', 'the server requires a password'],
      ['blind:s3cret@', 'the user lacks a permission'],
    ] as const) {
      const sentinels = { name: group.name, urls: [`redis://${login}127.0.0.1:${sentinel.port}`] };
      const lost = redisBackend({ sentinels, timeoutMs: 3000 });
      const failure = await failureOf(settled(lost.setValue('k', 1)), ['s3cret']);
      expect(failure).toMatchObject({ code: 'AUTH', retryable: false, maybeApplied: false });
      expect(failure.message).toContain(reason);
      await lost.close();
    }
  });
});

it('a failover that ends a connection whose handshake is unanswered does not look like missing TLS', async () => {
  const group = await startRedisSentinel();
  await group.primary.pause();
  const urls = group.sentinels.map(({ host, port }) => `redis://${host}:${port}`);
  const backend = redisBackend({ sentinels: { name: group.name, urls }, timeoutMs: SENTINEL_MS });
  expect((await failureOf(backend.incr('n'))).message).toBe('[redis] incr "n": the connection was closed');
  await backend.close();
  await group.stop();
});
