import { type CacheBackend, isCacheError } from '@ninefold/core';
import { RuleBroken, rulesFor, runRule } from '@ninefold/core/conformance';
import Keyv from 'keyv';
import { createStorage } from 'unstorage';
import memoryDriver from 'unstorage/drivers/memory';
import { describe, expect, it } from 'vitest';
import { mapCapabilities } from '../support/map-driver.ts';

/** The methods that every public cache has. */
interface Store {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown, ttl: number | undefined): Promise<unknown>;
  has(key: string): Promise<boolean>;
  /** Whether the entry existed. */
  remove(key: string): Promise<boolean>;
}

/**
 * The wrapper that a user would write around such a cache in twenty lines: it passes each call on, and batches key by
 * key. None of these caches has an increment, so rules about counters test these lines and not the cache.
 */
function plain(store: Store): CacheBackend {
  const type = async (value: unknown, options?: { type?: unknown }): Promise<unknown> =>
    value !== undefined && typeof options?.type === 'function' ? await options.type(value) : value;
  const backend = {
    name: 'public',
    capabilities: mapCapabilities,
    getValue: async (key: string, options?: object) => await type(await store.get(key), options),
    setValue: async (key: string, value: unknown, options?: { ttl?: number }) =>
      void (await store.set(key, value, options?.ttl)),
    multiGetValues: async (keys: string[], options?: object) =>
      await Promise.all(keys.map((key) => backend.getValue(key, options))),
    multiSetValues: async (pairs: Iterable<[string, unknown]>, options?: object) => {
      for (const [key, value] of pairs) await backend.setValue(key, value, options);
    },
    exists: async (key: string) => await store.has(key),
    delete: async (key: string): Promise<number> => ((await store.remove(key)) ? 1 : 0),
    deleteMany: async (keys: string[]) => {
      const counts = await Promise.all([...new Set(keys)].map((key) => backend.delete(key)));
      return counts.reduce((sum, count) => sum + count, 0);
    },
    incr: async (key: string, delta = 1, options?: object) => {
      const sum = Number((await store.get(key)) ?? 0) + delta;
      await backend.setValue(key, sum, options);
      return sum;
    },
    close: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
  return backend as unknown as CacheBackend;
}

function keyv(): Store {
  const cache = new Keyv({ store: new Map() });
  return {
    get: (key) => cache.get(key),
    set: (key, value, ttl) => cache.set(key, value, ttl === undefined ? undefined : ttl * 1000),
    has: (key) => cache.has(key),
    remove: (key) => cache.delete(key),
  };
}

function unstorage(): Store {
  const storage = createStorage({ driver: memoryDriver() });
  return {
    get: async (key) => (await storage.getItem(key)) ?? undefined,
    set: (key, value) => storage.setItem(key, value as never),
    has: (key) => storage.hasItem(key),
    // The cache does not report it.
    remove: async (key) => {
      const there = await storage.hasItem(key);
      await storage.removeItem(key);
      return there;
    },
  };
}

function mapAndJson(): Store {
  const map = new Map<string, string>();
  return {
    get: async (key) => (map.has(key) ? (JSON.parse(map.get(key) ?? 'null') as unknown) : undefined),
    set: async (key, value) => map.set(key, JSON.stringify(value)),
    has: async (key) => map.has(key),
    remove: async (key) => map.delete(key),
  };
}

async function brokenBy(make: () => Store): Promise<string[]> {
  const broken: string[] = [];
  for (const rule of rulesFor({ capabilities: mapCapabilities })) {
    // These rules need a clock that such a cache lacks, or are about our own options and errors.
    if (
      /^(lifecycle|errors|serializers|corruption|counters)\/|ttl|refuses|mismatch|batches\/200000|keys\/(namespace|not-shared|after)/.test(
        rule.id,
      )
    )
      continue;
    try {
      await runRule(rule, {
        create: () => plain(make()),
        capabilities: mapCapabilities,
        clock: { advance: () => undefined },
      });
    } catch (error) {
      if (!(error instanceof RuleBroken) || isCacheError(error)) throw error;
      broken.push(rule.id);
    }
  }
  return broken;
}

describe('the suite finds real differences in public caches', () => {
  const found: [string, () => Store, readonly string[]][] = [
    [
      'keyv on a Map: dates, Maps, NaN and -0 change',
      keyv,
      ['values/date', 'values/map', 'values/nan', 'values/negative-zero'],
    ],
    [
      "unstorage's memory driver: texts become numbers, keys are rewritten, and null is no value",
      unstorage,
      ['values/numeric-string', 'values/null', 'keys/colons', 'keys/paths'],
    ],
    [
      'a Map of JSON: dates, Maps, NaN, bytes and undefined change',
      mapAndJson,
      ['values/date', 'values/map', 'values/nan', 'values/nested-undefined', 'values/bytes'],
    ],
  ];
  for (const [what, make, ids] of found) {
    it(what, async () => {
      expect(await brokenBy(make)).toEqual(expect.arrayContaining([...ids]));
    });
  }
});
