import KeyvRedis from '@keyv/redis';
import { BentoCache, bentostore } from 'bentocache';
import { redisDriver } from 'bentocache/drivers/redis';
import { Keyv } from 'cacheable';
import { Redis } from 'ioredis';
import { RedisCache } from 'layered-loader';
import { createClient } from 'redis';
import { createStorage } from 'unstorage';
import unstorageRedis from 'unstorage/drivers/redis';
// Imported by path: the packages depend on this one, and turbo cannot build a cycle of packages.
import { nodeRedisBackend } from '../../../packages/node-redis/src/node-redis.ts';
import { redisBackend } from '../../../packages/redis/src/redis.ts';
import { defaultProgram, startRedis } from '../../servers/redis.ts';
import { ours, type Peer } from '../support/peer.ts';
import { reportVersions } from '../support/results.ts';
import { testPeers } from '../support/tested-peers.ts';
import { packageVersions, programVersion, versionsWithin } from '../support/versions.ts';
import { benchDelayed, benchGrowth, benchWorkloads } from '../support/workloads.ts';
import { peersOnKeyv, type plainJson } from './keyv.ts';

/** The TTL in seconds for a peer that has one for all entries. */
const TTL = 3600;

interface Address {
  readonly host: string;
  readonly port: number;
}

function ioredis(address: Address, { enableAutoPipelining = false } = {}): Peer {
  const client = new Redis({ ...address, enableAutoPipelining });
  const name = enableAutoPipelining ? 'ioredis, pipelining + JSON' : 'ioredis + JSON';
  const own = (key: string): string => `${enableAutoPipelining ? 'pipelining' : 'ioredis'}:${key}`;
  return {
    name,
    role: 'raw',
    get: async (key) => parse(await client.get(own(key))),
    set: (key, value, ttl) =>
      ttl === undefined
        ? client.set(own(key), JSON.stringify(value))
        : client.set(own(key), JSON.stringify(value), 'EX', ttl),
    getMany: async (keys) => (await client.mget(keys.map(own))).map(parse),
    async setMany(entries, ttl) {
      const pipeline = client.pipeline();
      for (const [key, value] of entries) pipeline.set(own(key), JSON.stringify(value), 'EX', ttl);
      await pipeline.exec();
    },
    incr: (key) => client.incr(own(key)),
    close: () => client.disconnect(),
  };
}

async function nodeRedis({ host, port }: Address): Promise<Peer> {
  const client = await createClient({ socket: { host, port } }).connect();
  const own = (key: string): string => `node-redis:${key}`;
  return {
    name: 'node-redis + JSON',
    role: 'raw',
    get: async (key) => parse(await client.get(own(key))),
    set: (key, value, ttl) =>
      client.set(own(key), JSON.stringify(value), ttl === undefined ? {} : { expiration: { type: 'EX', value: ttl } }),
    getMany: async (keys) => (await client.mGet(keys.map(own))).map(parse),
    async setMany(entries, ttl) {
      const multi = client.multi();
      for (const [key, value] of entries) multi.setEx(own(key), ttl, JSON.stringify(value));
      await multi.execAsPipeline();
    },
    incr: (key) => client.incr(own(key)),
    close: () => client.close(),
  };
}

let stores = 0;

function keyvStore({ host, port }: Address, serializer: typeof plainJson | undefined): Keyv {
  stores += 1;
  // As its documentation says, because its store prefixes keys as well.
  const store = new KeyvRedis(`redis://${host}:${port}`);
  return new Keyv({ store, namespace: `keyv${stores}`, useKeyPrefix: false, ...serializer });
}

function bento(address: Address): Peer {
  const connection = new Redis(address);
  const cache = new BentoCache({
    default: 'redis',
    stores: { redis: bentostore().useL2Layer(redisDriver({ connection: connection as never })) },
  });
  return {
    name: 'bentocache',
    role: 'peer',
    get: (key) => cache.get({ key }),
    set: (key, value, ttl) => cache.set({ key, value, ttl: ttl === undefined ? null : ttl * 1000 }),
    close: () => cache.disconnectAll(),
  };
}

function unstorage(address: Address): Peer {
  const storage = createStorage<string | object>({ driver: unstorageRedis({ ...address, base: 'unstorage' }) });
  return {
    name: 'unstorage',
    role: 'peer',
    get: (key) => storage.getItem(key),
    set: (key, value, ttl) => storage.setItem(key, value as object, ttl === undefined ? {} : { ttl }),
    getMany: async (keys) => (await storage.getItems([...keys])).map(({ value }) => value),
    // unstorage has a batch call, but it loops with this driver.
    loops: ['setMany'],
    setMany: (entries, ttl) => storage.setItems(items(entries), { ttl }),
    close: () => storage.dispose(),
  };
}

/** The Redis cache on which its loaders are built. It has one TTL for all entries. */
function layeredLoader(address: Address): Peer {
  const client = new Redis(address);
  const of = (seconds: number) => new RedisCache<unknown>(client, { json: true, ttlInMsecs: seconds * 1000 });
  const [expiring, shortLived] = [of(TTL), of(1)];
  return {
    name: 'layered-loader',
    role: 'peer',
    get: (key) => expiring.get(key),
    set: (key, value, ttl = TTL) => (ttl === TTL ? expiring : shortLived).set(key, value),
    getMany: async (keys) => (await expiring.getMany([...keys])).resolvedValues,
    setMany: (entries) => expiring.setMany(entries.map(([key, value]) => ({ key, value }))),
    close: () => client.disconnect(),
  };
}

function items(entries: readonly (readonly [string, unknown])[]) {
  return entries.map(([key, value]) => ({ key, value: value as object }));
}

function parse(text: string | null): unknown {
  return text === null ? undefined : JSON.parse(text);
}

function urlOf({ host, port }: Address): string {
  return `redis://${host}:${port}`;
}

async function peersAt(address: Address): Promise<Peer[]> {
  return [
    ours(redisBackend({ url: urlOf(address), namespace: 'ninefold', timeoutMs: 60_000 })),
    ours(nodeRedisBackend({ url: urlOf(address), namespace: 'node', timeoutMs: 60_000 }), 'ninefold, node-redis'),
    ioredis(address),
    ioredis(address, { enableAutoPipelining: true }),
    await nodeRedis(address),
    ...peersOnKeyv((serializer) => keyvStore(address, serializer)),
    bento(address),
    unstorage(address),
    layeredLoader(address),
  ];
}

const redis = await startRedis();
reportVersions({
  'redis-server': programVersion(defaultProgram()),
  // The stores are for this major version of Keyv.
  ...versionsWithin('cacheable', ['keyv']),
  ...packageVersions([
    'ioredis',
    'redis',
    '@keyv/redis',
    'cacheable',
    'cache-manager',
    'bentocache',
    'unstorage',
    'layered-loader',
  ]),
});
const tested = await testPeers(await peersAt(redis));
await benchWorkloads('Redis', tested);
await benchGrowth('Redis', tested);
await benchDelayed('Redis', redis, tested, peersAt);
for (const peer of tested.peers) await peer.close?.();
await redis.stop();
