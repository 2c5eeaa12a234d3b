import { cachified } from '@epic-web/cachified';
import KeyvRedis from '@keyv/redis';
import { redisBackend } from '@ninefold/redis';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis';
import { Cacheable, Keyv } from 'cacheable';
import { redisCacheAdapter } from 'cachified-redis-adapter';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { createCache } from '../../src/cache.ts';

/** The operations that the scenarios need of a cache, in one process. */
export interface Contestant {
  getOrSet(key: string, load: () => Promise<unknown>): Promise<unknown>;
  /** The same for an entry with the tag `t`; `undefined` if a load cannot be tagged. */
  readonly getOrSetTagged?: (key: string, load: () => Promise<unknown>) => Promise<unknown>;
  readonly invalidateTag?: () => Promise<unknown>;
  /** The same, for stored values that must have a number `n`; `undefined` if the cache cannot check that. */
  readonly getOrSetTyped?: (key: string, load: () => Promise<unknown>) => Promise<unknown>;
  set(key: string, value: unknown): Promise<unknown>;
  delete(key: string): Promise<unknown>;
  close(): Promise<unknown>;
}

/**
 * Makes one on the Redis server of a URL, as its documentation shows, with the options that make it report errors and a client
 * that fails when the server does.
 */
export type Enter = (url: string) => Promise<Contestant>;

const TTL = 60;
const TAGS = ['t'];

/** Milliseconds of a call. No scenario tests it, and a busy machine may need seconds to connect. */
const TIMEOUT_MS = 20_000;

/** For clients that would otherwise wait for their server for ever. */
const FAILS_AT_ONCE = { socket: { reconnectStrategy: false }, disableOfflineQueue: true } as const;

function isTyped(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { n?: unknown }).n === 'number';
}

function typed(value: unknown): unknown {
  if (!isTyped(value)) throw new TypeError('no number n');
  return value;
}

const ninefold: Enter = async (url) => {
  const cache = createCache(redisBackend({ url, namespace: 'ninefold', timeoutMs: TIMEOUT_MS }), { ttl: TTL });
  return {
    getOrSet: (key, load) => cache.getOrSet(key, load),
    getOrSetTagged: (key, load) => cache.getOrSet(key, load, { tags: TAGS }),
    invalidateTag: () => cache.invalidateTags(...TAGS),
    getOrSetTyped: (key, load) => cache.getOrSet(key, load, { type: typed }),
    set: (key, value) => cache.set(key, value),
    delete: (key) => cache.delete(key),
    close: () => cache.close(),
  };
};

/** An ioredis client that does not reconnect, and whose duplicates do not either. `all` receives it and them. */
function ioredisOf(url: string, all: Redis[]): Redis {
  const client = new Redis(url, { retryStrategy: () => null, commandTimeout: TIMEOUT_MS });
  client.on('error', () => undefined);
  all.push(client);
  return Object.assign(client, { duplicate: () => ioredisOf(url, all) });
}

const bentocache: Enter = async (url) => {
  const clients: Redis[] = [];
  const connection = ioredisOf(url, clients) as never;
  const cache = new BentoCache({
    default: 'multitier',
    stores: {
      multitier: bentostore()
        .useL1Layer(memoryDriver())
        .useL2Layer(redisDriver({ connection, prefix: 'bentocache' }))
        .useBus(redisBusDriver({ connection })),
    },
    ttl: TTL * 1000,
  });
  // A store connects when it is first used. After the replies, its bus has subscribed.
  cache.use('multitier');
  await Promise.all(clients.map((client) => client.ping()));
  return {
    getOrSet: (key, factory) => cache.getOrSet({ key, factory }),
    getOrSetTagged: (key, factory) => cache.getOrSet({ key, factory, tags: TAGS }),
    invalidateTag: () => cache.deleteByTag({ tags: TAGS }),
    set: (key, value) => cache.set({ key, value }),
    // With a memory layer, it suppresses errors of the server unless told otherwise.
    delete: (key) => cache.delete({ key, suppressL2Errors: false }),
    close: async () => {
      for (const client of clients) client.disconnect();
    },
  };
};

let instances = 0;

const cacheable: Enter = async (url) => {
  // By default, all three layers swallow errors.
  const store = new KeyvRedis({ url, ...FAILS_AT_ONCE }, { throwOnErrors: true });
  store.on('error', () => undefined);
  // A client without an offline queue fails calls that come before it has connected.
  await store.getClient();
  const primary = new Keyv({ store, namespace: 'cacheable', useKeyPrefix: false, throwOnErrors: true });
  instances += 1;
  // Two instances with the same id share loads, which two processes cannot.
  const cacheId = `process ${instances}`;
  const cache = new Cacheable({ primary, ttl: TTL * 1000, cacheId });
  cache.on('error', () => undefined);
  return {
    getOrSet: (key, load) => cache.getOrSet(key, load, { throwErrors: 'function' }),
    set: (key, value) => cache.set(key, value),
    delete: (key) => cache.delete(key),
    close: () => cache.disconnect(),
  };
};

const cachifiedOnRedis: Enter = async (url) => {
  const client = createClient({ url, ...FAILS_AT_ONCE });
  client.on('error', () => undefined);
  await client.connect();
  const name = (key: string): string => `cachified:${key}`;
  const cache = redisCacheAdapter({
    set: (key, value, options) =>
      client.set(name(key), value, options && { expiration: { type: 'EXAT', value: Math.ceil(options.EXAT) } }),
    get: (key) => client.get(name(key)),
    del: (key) => client.del(name(key)),
  });
  const ttl = TTL * 1000;
  return {
    getOrSet: (key, getFreshValue) => cachified({ cache, key, ttl, getFreshValue }),
    getOrSetTyped: (key, getFreshValue) => cachified({ cache, key, ttl, getFreshValue, checkValue: isTyped }),
    set: async (key, value) => await cache.set(key, { value, metadata: { createdTime: Date.now(), ttl, swr: 0 } }),
    delete: async (key) => await cache.delete(key),
    close: async () => client.destroy(),
  };
};

export const contestants: Readonly<Record<string, Enter>> = {
  '@ninefold/cache': ninefold,
  bentocache,
  cacheable,
  cachified: cachifiedOnRedis,
};
