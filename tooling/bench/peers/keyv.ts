import { createCache } from 'cache-manager';
import { Cacheable, type Keyv } from 'cacheable';
import type { Peer } from '../support/peer.ts';

/**
 * Options of Keyv 5 for plain JSON. Its own serializer also keeps Buffers, which no workload stores, and takes up to four times
 * as long.
 */
export const plainJson = {
  serialize: JSON.stringify,
  deserialize: (text: string) => JSON.parse(text),
} as const;

/** The caches built on Keyv, each on a store of its own. Their TTLs are in milliseconds. */
export function peersOnKeyv(keyv: (serializer?: typeof plainJson) => Keyv): Peer[] {
  return [keyvOn(keyv(), 'keyv'), keyvOn(keyv(plainJson), 'keyv + JSON'), cacheableOn(keyv()), cacheManagerOn(keyv())];
}

function keyvOn(cache: Keyv, name: string): Peer {
  return {
    name,
    role: 'peer',
    get: (key) => cache.get(key),
    set: (key, value, ttl) => cache.set(key, value, milliseconds(ttl)),
    getMany: (keys) => cache.getMany([...keys]),
    setMany: (entries, ttl) => cache.setMany(rows(entries, ttl)),
    close: () => cache.disconnect(),
  };
}

function cacheableOn(primary: Keyv): Peer {
  const cache = new Cacheable({ primary });
  return {
    name: 'cacheable',
    role: 'peer',
    onStoreOf: 'keyv',
    get: (key) => cache.get(key),
    set: (key, value, ttl) => cache.set(key, value, milliseconds(ttl)),
    getMany: (keys) => cache.getMany([...keys]),
    setMany: (entries, ttl) => cache.setMany(rows(entries, ttl)),
    close: () => cache.disconnect(),
  };
}

function cacheManagerOn(store: Keyv): Peer {
  const cache = createCache({ stores: [store] });
  return {
    name: 'cache-manager',
    role: 'peer',
    onStoreOf: 'keyv',
    get: (key) => cache.get(key),
    set: (key, value, ttl) => cache.set(key, value, milliseconds(ttl)),
    getMany: (keys) => cache.mget([...keys]),
    setMany: (entries, ttl) => cache.mset(rows(entries, ttl)),
    close: () => cache.disconnect(),
  };
}

function milliseconds(ttl: number | undefined): number | undefined {
  return ttl === undefined ? undefined : ttl * 1000;
}

function rows(entries: readonly (readonly [string, unknown])[], ttl: number) {
  return entries.map(([key, value]) => ({ key, value, ttl: ttl * 1000 }));
}
