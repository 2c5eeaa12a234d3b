import { once } from 'node:events';
import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import type { CacheBackend } from '@ninefold/core';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { until } from '@ninefold/tooling/servers/until';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis-5';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisBackend } from '../src/redis.ts';
import { announce, startCluster, type TestCluster } from './support/cluster.ts';
import { PASSWORD, USER } from './support/permissions.ts';
import { startServer } from './support/server.ts';

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

interface Client {
  set(key: string, value: string): Promise<unknown>;
  disconnect(): void;
}

const redisOptions = { username: USER, password: PASSWORD, enableReadyCheck: false };
const clusterOptions = { redisOptions, enableReadyCheck: false };
const nodes = (): { host: string; port: number }[] => cluster.nodes.map(({ host, port }) => ({ host, port }));
const ready = { enableReadyCheck: false };

/** Has classes of its own, like that of a second installation. */
function copyOfIoredis(): typeof import('ioredis') {
  const require = createRequire(import.meta.url);
  const loaded = { ...require.cache };
  for (const path of Object.keys(loaded)) if (/redis/.test(path)) delete require.cache[path];
  const copy = require('ioredis');
  Object.assign(require.cache, loaded);
  return copy;
}

const clients: [string, () => Redis | Cluster | Redis5 | Cluster5][] = [
  ['Redis of ioredis 6', () => new Redis(url, ready)],
  ['Redis of ioredis 5', () => new Redis5(url, ready)],
  ['Redis of another copy of ioredis 6', () => new (copyOfIoredis().Redis)(url, ready)],
  ['Redis with automatic pipelining', () => new Redis(url, { ...ready, enableAutoPipelining: true })],
  ['Redis whose numbers come as text', () => new Redis(url, { ...ready, stringNumbers: true })],
  ['Redis with a prefix of its own', () => new Redis(url, { ...ready, keyPrefix: 'prefix:' })],
  ['Cluster of ioredis 6', () => new Cluster(nodes(), clusterOptions)],
  ['Cluster of ioredis 5', () => new Cluster5(nodes(), clusterOptions)],
];

describe.each(clients)('a provided %s', (_, make) => {
  let client: Client;
  let backend: CacheBackend;

  beforeAll(() => {
    const made = make();
    client = made;
    backend = redisBackend({ client: made, namespace: 'client', timeoutMs: 10_000 });
  });

  afterAll(async () => {
    await backend.close();
    client.disconnect();
  });

  it('does all nine operations', async () => {
    const value = { at: new Date(0), text: '5', emoji: 'é😀' };
    await backend.setValue('a', value, { ttl: 60 });
    expect(await backend.getValue('a')).toEqual(value);
    const keys = Array.from({ length: 200 }, (_unused, index) => `k${index}`);
    await backend.multiSetValues(keys.map((key, index) => [key, index] as const));
    await backend.multiSetValues(
      keys.slice(100).map((key) => [key, true] as const),
      { ttl: 60 },
    );
    const values = keys.map((_unused, index) => (index < 100 ? index : true));
    expect(await backend.multiGetValues([...keys, 'none'])).toEqual([...values, undefined]);
    expect(await Promise.all(keys.map((key) => backend.getValue(key)))).toEqual(values);
    expect(await backend.incr('k41')).toBe(42);
    expect(await backend.incr('max', Number.MAX_SAFE_INTEGER, { ttl: 60 })).toBe(Number.MAX_SAFE_INTEGER);
    expect(await backend.exists('a')).toBe(true);
    expect(await backend.delete('a')).toBe(1);
    expect(await backend.deleteMany([...keys, 'max', 'none'])).toBe(201);
  });

  it('has errors that show neither its password nor a value', async () => {
    await backend.setValue('text', 's3cretValue');
    const secrets = [PASSWORD, 's3cretValue'];
    expect((await failureOf(backend.incr('text'), secrets)).code).toBe('NOT_A_COUNTER');
    await backend.setValue('most', Number.MAX_SAFE_INTEGER);
    expect((await failureOf(backend.incr('most'), secrets)).code).toBe('COUNTER_RANGE');
    expect(inspect(backend, { depth: 9, showHidden: true }) + JSON.stringify(backend)).not.toContain(PASSWORD);
  });

  it('stays open when a backend closes', async () => {
    const other = redisBackend({ client: client as Redis, namespace: 'client' });
    await other.setValue('k', 1);
    await other.close();
    expect((await failureOf(other.getValue('k'))).code).toBe('CLOSED');
    expect(await client.set('client:still', 'open')).toBe('OK');
  });
});

it('a provided client is not probed, and sends a batch with a TTL as the script', async () => {
  const server = await startRedis();
  const client = new Redis(server.port, { ...ready, disableClientInfo: true, protocol: 2 });
  const backend = redisBackend({ client });
  const pairs = ['a', 'b', 'c'].map((key) => [key, 1] as const);
  for (let batch = 0; batch < 2; batch++) await backend.multiSetValues(pairs, { ttl: 60 });
  const stats = await ask(server, 'INFO', 'commandstats');
  expect(stats).toMatch(/cmdstat_eval:calls=2,/);
  expect(stats).not.toContain('cmdstat_hello');
  expect(await ask(server, 'INFO', 'errorstats')).not.toContain('errorstat');
  client.disconnect();
  await server.stop();
});

const versions: [string, typeof Redis][] = [
  ['6', Redis],
  ['5', Redis5 as unknown as typeof Redis],
];

it.each(versions)(
  'a Redis of ioredis %s that is subscribed, or monitors, says that nothing was sent',
  async (_, Made) => {
    const server = await startRedis();
    const options = { ...ready, protocol: 2 } as const;
    const subscribed = new Made(server.port, options);
    await subscribed.subscribe('channel');
    const monitoring = new Made(server.port, { ...options, monitor: true });
    await once(monitoring, 'monitoring');
    for (const client of [subscribed, monitoring]) {
      const failure = await failureOf(redisBackend({ client, timeoutMs: 5000 }).incr('n'));
      expect(failure).toMatchObject({ code: 'BACKEND', retryable: false, maybeApplied: false });
      expect(failure.message).toBe(
        '[redis] incr "n": the client is subscribed or monitors its server: give the cache a duplicate() of it',
      );
      client.disconnect();
    }
    await server.stop();
  },
);

it.each(versions)(
  'a Redis of ioredis %s rejects TIMEOUT after its own commandTimeout, and sends no read again',
  async (_, Made) => {
    const server = await startRedis();
    const client = new Made(server.port, { ...ready, commandTimeout: 500 });
    const backend = redisBackend({ client, timeoutMs: 5000 });
    await backend.setValue('k', 1);
    await ask(server, 'CONFIG', 'RESETSTAT');
    await server.pause();
    const failures = await Promise.all([failureOf(backend.incr('n')), failureOf(backend.getValue('k'))]);
    const message = expect.stringContaining("no reply within the client's commandTimeout");
    expect(failures).toMatchObject([
      { code: 'TIMEOUT', maybeApplied: true, message },
      { code: 'TIMEOUT', maybeApplied: false, message },
    ]);
    server.resume();
    await until('the read has run', async () => (await ask(server, 'INFO', 'commandstats')).includes('cmdstat_get:'));
    expect(await ask(server, 'INFO', 'commandstats')).toContain('cmdstat_get:calls=1,');
    client.disconnect();
    await server.stop();
  },
);

it.each(clients)('a %s that has ended says that nothing was sent', async (_, make) => {
  const client: Pick<Redis, 'call' | 'once' | 'disconnect'> = make() as Redis;
  const backend = redisBackend({ client, namespace: 'ended', timeoutMs: 10_000 });
  await backend.setValue('k', 1);
  const ended = new Promise((resolve) => client.once('end', () => resolve(undefined)));
  client.disconnect();
  await ended;
  for (const call of [() => backend.setValue('k', 2), () => backend.incr('k'), () => backend.delete('k')])
    expect(await failureOf(call())).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied: false });
});

it.each([
  ['as many commands as they have slots, and none that a node refuses', undefined, 100],
  ['one, where its prefix puts all of them into one slot', '{tag}', 1],
])('a Cluster that is handed in is sent for the keys of a batch %s', async (_, keyPrefix, commands) => {
  const client = new Cluster(nodes(), { ...clusterOptions, keyPrefix });
  const backend = redisBackend({ client, namespace: 'slots', timeoutMs: 10_000 });
  const keys = Array.from({ length: 100 }, (_unused, index) => `k${index}`);
  await backend.multiSetValues(keys.map((key, index) => [key, index] as const));
  for (const node of cluster.nodes) await ask(node, 'CONFIG', 'RESETSTAT');
  expect(await backend.multiGetValues(keys)).toEqual(keys.map((_unused, index) => index));
  const stats = (await Promise.all(cluster.nodes.map((node) => ask(node, 'INFO', 'commandstats')))).join();
  const calls = [...stats.matchAll(/cmdstat_m?get:calls=(\d+)/g)].map(([, count]) => Number(count));
  expect(calls.reduce((sum, count) => sum + count, 0)).toBe(commands);
  for (const node of cluster.nodes) expect(await ask(node, 'INFO', 'errorstats')).not.toContain('CROSSSLOT');
  client.disconnect();
});

const lost = { lazyConnect: true, enableOfflineQueue: false, retryStrategy: () => 10_000 };
const lostCluster = { ...lost, clusterRetryStrategy: () => 10_000 };

const offline: [string, () => Redis | Cluster | Redis5 | Cluster5][] = [
  ['Redis of ioredis 6', () => new Redis(1, lost)],
  ['Redis of ioredis 5', () => new Redis5(1, lost)],
  ['Cluster of ioredis 6', () => new Cluster([1], lostCluster)],
  ['Cluster of ioredis 5', () => new Cluster5([1], lostCluster)],
];

describe.each(offline)('a %s that has no connection', (_, make) => {
  it('reports that nothing was sent, while it waits for one and once it has ended', async () => {
    const client: Pick<Redis, 'call' | 'on' | 'connect' | 'disconnect'> = make() as Redis;
    client.on('error', () => undefined);
    const backend = redisBackend({ client, timeoutMs: 5000 });
    await client.connect().catch(() => undefined);
    for (const end of [false, true]) {
      if (end) client.disconnect();
      for (const call of [() => backend.setValue('k', 1), () => backend.incr('k'), () => backend.delete('k')])
        expect(await failureOf(call())).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied: false });
    }
  });
});

it.each([
  ['6', Cluster],
  ['5', Cluster5],
] as const)(
  'a Cluster of ioredis %s that loses its nodes under a write does not say that nothing was sent',
  async (_, Made) => {
    const { nodes, stop } = await startCluster({ primaries: 1 });
    const [node] = nodes as [ServerProcess];
    const proxy = await FaultProxy.start(node);
    await ask(node, 'CONFIG', 'SET', 'cluster-announce-ip', '127.0.0.1');
    await announce(nodes, [proxy.port]);
    const client = new (Made as typeof Cluster)([proxy.port], { ...lostCluster, ...clusterOptions });
    client.on('error', () => undefined);
    await client.connect();
    const backend = redisBackend({ client, timeoutMs: 5000 });
    expect(await backend.incr('n')).toBe(1);
    await proxy.set({ kind: 'delay', delayMs: 60_000 });
    const failure = failureOf(backend.incr('n'));
    await expect.poll(() => ask(node, 'GET', 'n')).toBe('2');
    await proxy.set({ kind: 'refuse' });
    expect(await failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: true });
    client.disconnect();
    await proxy.stop();
    await stop();
  },
);
