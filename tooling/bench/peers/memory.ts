import { memoryBackend } from '@ninefold/memory';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { createCache } from 'cache-manager';
import { Cacheable } from 'cacheable';
import Keyv from 'keyv';
import { ManualCache } from 'layered-loader';
import { LRUCache } from 'lru-cache';
import { createStorage } from 'unstorage';
import { ours, type Peer } from '../support/peer.ts';
import { reportVersions } from '../support/results.ts';
import { testPeers } from '../support/tested-peers.ts';
import { packageVersions } from '../support/versions.ts';
import { benchGrowth, benchWorkloads } from '../support/workloads.ts';

/** More than any workload stores, so that no peer evicts entries. */
const MAX_ENTRIES = 200_000;

function mapOfText(): Peer {
  const map = new Map<string, string>();
  return {
    name: 'Map of JSON',
    role: 'raw',
    async get(key) {
      const text = map.get(key);
      return text === undefined ? undefined : JSON.parse(text);
    },
    async set(key, value) {
      map.set(key, JSON.stringify(value));
    },
  };
}

function lru(): Peer {
  const cache = new LRUCache<string, object | string>({ max: MAX_ENTRIES });
  return {
    name: 'lru-cache',
    role: 'raw',
    get: (key) => cache.get(key),
    set: (key, value, ttl) => cache.set(key, value as object, ttl === undefined ? {} : { ttl: ttl * 1000 }),
  };
}

const keyv = (): Peer => keyvOn(new Keyv(), 'keyv');
/** Without its own serializer, which also keeps Buffers and bigints. */
const keyvWithJson = (): Peer => keyvOn(new Keyv({ serialization: JSON }), 'keyv + JSON');

function keyvOn(cache: Keyv, name: string): Peer {
  return {
    name,
    role: 'peer',
    get: (key) => cache.get(key),
    set: (key, value, ttl) => cache.set(key, value, ttl === undefined ? undefined : ttl * 1000),
    getMany: (keys) => cache.getMany([...keys]),
    setMany: (entries, ttl) => cache.setMany(entries.map(([key, value]) => ({ key, value, ttl: ttl * 1000 }))),
  };
}

function cacheable(): Peer {
  const cache = new Cacheable();
  return {
    name: 'cacheable',
    role: 'peer',
    get: (key) => cache.get(key),
    set: (key, value, ttl) => cache.set(key, value, ttl === undefined ? undefined : ttl * 1000),
    getMany: (keys) => cache.getMany([...keys]),
    setMany: (entries, ttl) => cache.setMany(entries.map(([key, value]) => ({ key, value, ttl: ttl * 1000 }))),
  };
}

function cacheManager(): Peer {
  const cache = createCache();
  return {
    name: 'cache-manager',
    role: 'peer',
    get: (key) => cache.get(key),
    set: (key, value, ttl) => cache.set(key, value, ttl === undefined ? undefined : ttl * 1000),
    getMany: (keys) => cache.mget([...keys]),
    setMany: (entries, ttl) => cache.mset(entries.map(([key, value]) => ({ key, value, ttl: ttl * 1000 }))),
  };
}

function bento(): Peer {
  const cache = new BentoCache({
    default: 'memory',
    stores: { memory: bentostore().useL1Layer(memoryDriver({ maxItems: MAX_ENTRIES })) },
  });
  return {
    name: 'bentocache',
    role: 'peer',
    get: (key) => cache.get({ key }),
    set: (key, value, ttl) => cache.set({ key, value, ttl: ttl === undefined ? null : ttl * 1000 }),
    close: () => cache.disconnectAll(),
  };
}

function unstorage(): Peer {
  const storage = createStorage<string | object>();
  return {
    name: 'unstorage',
    role: 'peer',
    get: (key) => storage.getItem(key),
    set: (key, value, ttl) => storage.setItem(key, value as object, ttl === undefined ? {} : { ttl }),
    // unstorage has batch calls, but they loop with this driver.
    loops: ['getMany', 'setMany'],
    getMany: async (keys) => (await storage.getItems([...keys])).map(({ value }) => value),
    setMany: (entries, ttl) => storage.setItems(items(entries), { ttl }),
  };
}

function layeredLoader(): Peer {
  const cache = new ManualCache<unknown>({
    inMemoryCache: { cacheId: 'bench', maxItems: MAX_ENTRIES, ttlInMsecs: 3_600_000 },
  });
  return {
    name: 'layered-loader',
    role: 'peer',
    get: (key) => cache.getInMemoryOnly(key),
    set: (key, value) => cache.set(key, value),
    getMany: (keys) => cache.getManyInMemoryOnly([...keys]).resolvedValues,
  };
}

function items(entries: readonly (readonly [string, unknown])[]) {
  return entries.map(([key, value]) => ({ key, value: value as object }));
}

const own = () => ours(memoryBackend({ maxEntries: MAX_ENTRIES, maxBytes: 2 ** 31 }));
const entrants = [own, mapOfText, lru, keyv, keyvWithJson, cacheable, cacheManager, bento, unstorage, layeredLoader];
const peers = entrants.map((make) => make());
reportVersions(
  packageVersions(['lru-cache', 'keyv', 'cacheable', 'cache-manager', 'bentocache', 'unstorage', 'layered-loader']),
);
const tested = await testPeers(peers);
await benchWorkloads('Memory', tested);
await benchGrowth('Memory', tested);
for (const peer of peers) await peer.close?.();
