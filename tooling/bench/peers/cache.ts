import KeyvRedis from '@keyv/redis';
import { memoryBackend } from '@ninefold/memory';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisDriver } from 'bentocache/drivers/redis';
import { createCache as createCacheManager } from 'cache-manager';
import { Cacheable, Keyv } from 'cacheable';
import { Redis } from 'ioredis';
import { Loader, RedisCache } from 'layered-loader';
// Imported by path: the packages depend on this one, and turbo cannot build a cycle of packages.
import { createCache } from '../../../packages/cache/src/cache.ts';
import { redisBackend } from '../../../packages/redis/src/redis.ts';
import { defaultProgram, startRedis } from '../../servers/redis.ts';
import { kinds } from '../support/data.ts';
import { bench, type Contest, type Entrant, type Work } from '../support/harness.ts';
import { reportVersions } from '../support/results.ts';
import { packageVersions, programVersion, versionsWithin } from '../support/versions.ts';

const TTL = 3600;
const KEYS = 256;
const CALLERS = 64;
const SAMPLE_MS = 6;
const kind = kinds.row;

type Load = () => Promise<unknown>;

/** A read-through cache. */
interface ReadThrough {
  readonly name: string;
  getOrSet(key: string, load: Load): Promise<unknown>;
  close?(): unknown;
}

function ours(cache: ReturnType<typeof createCache>): ReadThrough {
  return {
    name: 'ninefold',
    getOrSet: (key, load) => cache.getOrSet(key, load, { ttl: TTL }),
    close: () => cache.close(),
  };
}

function bento(cache: { getOrSet: BentoLike; disconnectAll(): Promise<void> }): ReadThrough {
  return {
    name: 'bentocache',
    getOrSet: (key, factory) => cache.getOrSet({ key, factory, ttl: TTL * 1000 }),
    close: () => cache.disconnectAll(),
  };
}

type BentoLike = (options: { key: string; factory: Load; ttl: number }) => Promise<unknown>;

function cacheable(cache: Cacheable): ReadThrough {
  return {
    name: 'cacheable',
    getOrSet: (key, load) => cache.getOrSet(key, load, { ttl: TTL * 1000 }),
    close: () => cache.disconnect(),
  };
}

function cacheManager(stores: Keyv[]): ReadThrough {
  const cache = createCacheManager({ stores });
  return {
    name: 'cache-manager',
    getOrSet: (key, load) => cache.wrap(key, load, TTL * 1000),
    close: () => cache.disconnect(),
  };
}

/** layered-loader has one loader for all keys, so its parameters include how to load. */
function layeredLoader(name: string, asyncCache: RedisCache<unknown> | undefined, close: () => unknown): ReadThrough {
  const loader = new Loader<unknown, { readonly key: string; readonly load: Load }>({
    ...(asyncCache === undefined
      ? { inMemoryCache: { cacheId: name, maxItems: 100_000, ttlInMsecs: TTL * 1000 } }
      : { asyncCache }),
    cacheKeyFromLoadParamsResolver: ({ key }) => key,
    dataSourceGetOneFn: ({ load }) => load(),
  });
  return {
    name: 'layered-loader',
    getOrSet: (key, load) => loader.get({ key, load }),
    close,
  };
}

function inMemory(): ReadThrough[] {
  const memory = bentostore().useL1Layer(memoryDriver({ maxItems: 100_000 }));
  return [
    ours(createCache(memoryBackend())),
    bento(new BentoCache({ default: 'memory', stores: { memory } })),
    cacheable(new Cacheable()),
    cacheManager([new Keyv()]),
    layeredLoader('memory', undefined, () => undefined),
  ];
}

function onRedis(url: string): ReadThrough[] {
  const [one, other] = [new Redis(url), new Redis(url)];
  const redis = bentostore().useL2Layer(redisDriver({ connection: one as never }));
  const keyv = (namespace: string): Keyv => new Keyv({ store: new KeyvRedis(url), namespace, useKeyPrefix: false });
  return [
    ours(createCache(redisBackend({ url, namespace: 'ninefold', timeoutMs: 60_000 }))),
    bento(new BentoCache({ default: 'redis', stores: { redis } })),
    cacheable(new Cacheable({ primary: keyv('cacheable') })),
    cacheManager([keyv('cache-manager')]),
    layeredLoader('redis', new RedisCache(other, { json: true, ttlInMsecs: TTL * 1000 }), () => other.disconnect()),
  ];
}

let stampedes = 0;

/** Many callers of one new key. Resolves to the number of loads and the number of distinct objects returned. */
async function stampede({ name, getOrSet }: ReadThrough): Promise<{ readonly loads: number; readonly values: number }> {
  stampedes += 1;
  const key = `stampede:${stampedes}`;
  let loads = 0;
  const load = async (): Promise<unknown> => {
    loads += 1;
    await new Promise((resolve) => setImmediate(resolve));
    return kind.make(7);
  };
  const values = await Promise.all(Array.from({ length: CALLERS }, () => getOrSet(key, load)));
  if (!values.every((value) => kind.is(value, 7))) throw new Error(`${name} returned a wrong value to a caller`);
  return { loads, values: new Set(values).size };
}

/** Whether callers get copies, so that no caller sees what another changes in its value. */
async function copies({ getOrSet }: ReadThrough): Promise<boolean> {
  const load = async (): Promise<unknown> => kind.make(1);
  const first = (await getOrSet('trait:copy', load)) as { id: number };
  first.id = 2;
  const second = (await getOrSet('trait:copy', load)) as { id: number };
  second.id = 3;
  return second !== first && kind.is(await getOrSet('trait:copy', load), 1);
}

async function contestsOf(caches: readonly ReadThrough[]): Promise<Contest[]> {
  const keys = Array.from({ length: KEYS }, (_, index) => `user:${index}`);
  const lacks = new Map<ReadThrough, readonly string[]>();
  const lacksInStampede = new Map<ReadThrough, readonly string[]>();
  for (const cache of caches) {
    for (const [index, key] of keys.entries()) await cache.getOrSet(key, async () => kind.make(index));
    lacks.set(cache, (await copies(cache)) ? [] : ['copies']);
    const { loads, values } = await stampede(cache);
    lacksInStampede.set(cache, [
      ...(values === CALLERS ? [] : ['copies']),
      ...(loads === 1 ? [] : ['one load for all']),
    ]);
  }
  const hit = async (cache: ReadThrough, index: number): Promise<void> => {
    const value = await cache.getOrSet(keys[index] as string, () => {
      throw new Error(`${cache.name} loaded a key that it had`);
    });
    if (!kind.is(value, index)) throw new Error(`${cache.name} returned a wrong value`);
  };
  /** Runs callers, each of which waits for its value before its next call. */
  const hits =
    (callers: number) =>
    (cache: ReadThrough): Work =>
    async (times) => {
      let next = 0;
      const caller = async (): Promise<void> => {
        while (next < times) await hit(cache, next++ % KEYS);
      };
      await Promise.all(Array.from({ length: callers }, caller));
    };
  const stampedesOf = (cache: ReadThrough): Work => {
    return async (times) => {
      for (let time = 0; time < times; time++) await stampede(cache);
    };
  };
  const contest = (name: string, workOf: (cache: ReadThrough) => Work, of: typeof lacks): Contest => {
    const [first, ...others] = caches.map((cache): Entrant => {
      return { name: cache.name, role: 'peer', work: workOf(cache), lacks: of.get(cache) ?? [] };
    });
    return { name, ours: first?.work as Work, others };
  };
  return [
    contest('getOrSet, a hit', hits(1), lacks),
    contest(`getOrSet, hits of ${CALLERS} callers`, hits(CALLERS), lacks),
    contest(`getOrSet, ${CALLERS} callers of a missing key`, stampedesOf, lacksInStampede),
  ];
}

const server = await startRedis();
const url = `redis://${server.host}:${server.port}`;
reportVersions({
  'redis-server': programVersion(defaultProgram()),
  ...versionsWithin('cacheable', ['keyv']),
  ...packageVersions(['bentocache', 'cacheable', 'cache-manager', 'layered-loader']),
});
const near = inMemory();
const far = onRedis(url);
await bench('Cache: read-through in memory', await contestsOf(near), { sampleMs: SAMPLE_MS });
await bench('Cache: read-through on Redis', await contestsOf(far), { sampleMs: SAMPLE_MS });
for (const cache of [...near, ...far]) await cache.close?.();
await server.stop();
