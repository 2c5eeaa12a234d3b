import { type CacheError, isCacheError } from '@ninefold/core';
import { memcachedBackend } from '@ninefold/memcached';
import { type RedisBackendOptions, redisBackend } from '@ninefold/redis';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Cache, type CacheEvent, createCache } from '../src/cache.ts';
import { pending } from './support/pending.ts';

let proxy: FaultProxy;
let stop: () => Promise<void>;
let cache: Cache;
let errors: CacheError[] = [];
let events: CacheEvent[] = [];

beforeAll(async () => {
  const redis = await startRedis();
  proxy = await FaultProxy.start({ host: redis.host, port: redis.port });
  stop = async () => {
    await proxy.stop();
    await redis.stop();
  };
});

afterAll(() => stop());

let run = 0;

function place(): RedisBackendOptions {
  return { url: `redis://127.0.0.1:${proxy.port}`, timeoutMs: 1000, namespace: `run${run}` };
}

beforeEach(async () => {
  errors = [];
  events = [];
  run += 1;
  cache = createCache(redisBackend(place()), {
    onError: (error) => errors.push(error),
    listener: (event) => events.push(event),
  });
  // A busy machine may need more than one deadline to connect.
  await succeeds(() => cache.get('none'));
  errors.length = 0;
  events.length = 0;
});

async function succeeds(call: () => Promise<unknown>): Promise<void> {
  await expect.poll(() => call().then(() => 'fine', String)).toBe('fine');
}

afterEach(async () => {
  await proxy.set(undefined);
  await cache.close();
});

describe.each(['refuse', 'silence'] as const)('a server that is down (%s)', (kind) => {
  beforeEach(async () => {
    await succeeds(() => cache.set('stored', 'stored'));
    await proxy.set({ kind });
  });

  it('has each key loaded once for all callers, who get the value, and onError receives each failure', async () => {
    let loads = 0;
    const load = async () => ({ n: ++loads });
    const values = await Promise.all(Array.from({ length: 50 }, () => cache.getOrSet('k', load)));
    expect(values).toEqual(Array.from({ length: 50 }, () => ({ n: 1 })));
    expect(loads).toBe(1);
    expect(errors.length).toBe(50);
    expect(errors.every((error) => isCacheError(error) && error.retryable)).toBe(true);
    expect(events.filter(({ operation }) => operation === 'failure').length).toBe(50);
  });

  it('has many keys loaded by one call', async () => {
    const calls: (readonly string[])[] = [];
    const load = (keys: readonly string[]): string[] => {
      calls.push(keys);
      return keys.map((key) => `loaded ${key}`);
    };
    expect(await cache.getOrSetMany(['stored', 'b'], load)).toEqual(['loaded stored', 'loaded b']);
    expect(calls).toEqual([['stored', 'b']]);
  });

  it('rejects deletes, invalidations, clears, sets, increments and reads without a loader', async () => {
    const calls = [
      cache.delete('stored'),
      cache.deleteMany(['stored']),
      cache.invalidateTags('t'),
      cache.clear(),
      cache.set('stored', 'new'),
      cache.incr('n'),
      cache.get('stored'),
      cache.has('stored'),
    ];
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map((outcome) => outcome.status === 'rejected' && isCacheError(outcome.reason))).toEqual(
      calls.map(() => true),
    );
    expect(errors).toEqual([]);
  });
});

describe('a server that goes down', () => {
  it('during a load does not fail its caller', async () => {
    const value = await cache.getOrSet('k', async () => {
      await proxy.set({ kind: 'refuse' });
      return 'loaded';
    });
    expect(value).toBe('loaded');
    expect(errors.length).toBeGreaterThan(0);
  });

  it('in silence during a load costs its caller one timeout, not two', async () => {
    const value = await cache.getOrSet('k', async () => {
      await proxy.set({ kind: 'silence' });
      return 'loaded';
    });
    expect(value).toBe('loaded');
    expect(errors.map(({ operation }) => operation)).toEqual(['setValue']);
    await expect.poll(() => errors.map(({ operation }) => operation)).toEqual(['setValue', 'delete']);
  });

  it('while a process waits for another’s load has it load once for callers that read different counters before', async () => {
    const [begun, paused, over] = [pending<void>(), pending<void>(), pending<void>()];
    const loadElsewhere = (): Promise<void> => {
      begun.resolve();
      return over.promise;
    };
    const elsewhere = cache.getOrSet('k', loadElsewhere, { tags: ['t'] });
    await begun.promise;
    const wait = (): Promise<void> => {
      paused.resolve();
      return over.promise;
    };
    const waiting = createCache(redisBackend(place()), { clock: { now: () => 0, wait } });
    let loads = 0;
    const calls: Promise<number>[] = [];
    const call = () => calls.push(waiting.getOrSet('k', async () => ++loads, { tags: ['t'] }));
    call();
    await paused.promise;
    for (let count = 0; count < 5; count++) {
      await cache.invalidateTags('t');
      call();
      await waiting.get('another');
    }
    await proxy.set({ kind: 'refuse' });
    over.resolve();
    expect(await Promise.all(calls)).toEqual(calls.map(() => 1));
    await elsewhere;
    await waiting.close();
  });

  it('and comes back is used again', async () => {
    await proxy.set({ kind: 'refuse' });
    expect(await cache.getOrSet('k', () => 'while it was down')).toBe('while it was down');
    await proxy.set(undefined);
    await expect
      .poll(() => cache.getOrSet('k', () => 'afterwards').then(() => cache.get('k').catch(() => undefined)))
      .toBe('afterwards');
  });
});

describe('one of two servers that is down', () => {
  const names = Array.from({ length: 50 }, (_, index) => `n${index}`);
  let ring: Cache;
  let lost: FaultProxy;
  let end: () => Promise<void>;

  beforeEach(async () => {
    const servers = await Promise.all([startMemcached(), startMemcached()]);
    const proxies = await Promise.all(servers.map((server) => FaultProxy.start(server)));
    lost = proxies[0] as FaultProxy;
    ring = createCache(
      memcachedBackend({ servers: proxies.map(({ port }) => `127.0.0.1:${port}`), timeoutMs: 10_000 }),
    );
    await Promise.all(names.map((name) => ring.set(name, name, { tags: [name, `${name}, too`] })));
    await lost.set({ kind: 'refuse' });
    // Uses up the connections that were cut, so that nothing more is sent on them.
    await Promise.allSettled(names.map((name) => ring.get(name)));
    end = async () => {
      await ring.close();
      await Promise.all([...proxies, ...servers].map((started) => started.stop()));
    };
  });

  afterEach(() => end());

  it.each([
    ['a delete', (name: string) => ring.delete(name)],
    ['a delete of many', (name: string) => ring.deleteMany([name, `${name}, too`])],
    ['an invalidation', (name: string) => ring.invalidateTags(name, `${name}, too`)],
    ['a set', (name: string) => ring.set(name, 'new')],
    ['a set with a new tag', (name: string) => ring.set(name, 'new', { tags: [`${name}, new`] })],
  ])('makes %s say maybeApplied, unless everything is still there', async (_what, remove) => {
    const outcomes = await Promise.allSettled(names.map(remove));
    const untouched = names.filter((_name, index) => {
      const outcome = outcomes[index];
      return outcome?.status === 'rejected' && isCacheError(outcome.reason) && !outcome.reason.maybeApplied;
    });
    await lost.set(undefined);
    await expect.poll(() => ring.getMany(untouched).catch(() => undefined)).toEqual(untouched);
  });
});

describe('a Redis server that is full and may not evict', () => {
  let server: ServerProcess;
  let full: Cache;

  const allow = (bytes: number): Promise<string> => ask(server, 'CONFIG', 'SET', 'maxmemory', String(bytes));

  beforeAll(async () => {
    server = await startRedis(['--maxmemory-policy', 'noeviction']);
  });

  beforeEach(async () => {
    await allow(0);
    const { timeoutMs, namespace } = place();
    full = createCache(redisBackend({ url: `redis://127.0.0.1:${server.port}`, timeoutMs, namespace }));
    for (const key of ['a', 'b', 'c']) await succeeds(() => full.set(key, key, { tags: ['t'] }));
  });

  afterEach(() => full.close());
  afterAll(() => server.stop());

  it.each([
    ['delete', () => full.delete('a'), [undefined, 'b', 'c']],
    ['deleteMany', () => full.deleteMany(['a', 'b']), [undefined, undefined, 'c']],
    ['invalidateTags', () => full.invalidateTags('t'), [undefined, undefined, undefined]],
    ['clear', () => full.clear(), [undefined, undefined, undefined]],
    ['delete after clear', () => full.clear().then(() => full.delete('a')), [undefined, undefined, undefined]],
  ])('does what it is told by %s', async (_operation, remove, left) => {
    await allow(1);
    await expect(full.set('a', 'new')).rejects.toMatchObject({ code: 'BACKEND' });
    await remove();
    expect(await full.getMany(['a', 'b', 'c'])).toEqual(left);
  });

  it.each([
    ['delete', () => full.delete('k')],
    ['invalidateTags', () => full.invalidateTags('t')],
    ['clear', () => full.clear()],
  ])('is not given an old value by a load that began before %s', async (_operation, remove) => {
    const [begun, slow] = [pending<void>(), pending<string>()];
    const { timeoutMs, namespace } = place();
    const url = `redis://127.0.0.1:${server.port}`;
    const elsewhere = createCache(redisBackend({ url, timeoutMs, namespace }));
    const load = (): Promise<string> => {
      begun.resolve();
      return slow.promise;
    };
    const loading = elsewhere.getOrSet('k', load, { tags: ['t'] });
    await begun.promise;
    await allow(1);
    await remove();
    await allow(0);
    slow.resolve('old');
    expect(await loading).toBe('old');
    expect(await full.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('new');
    await elsewhere.close();
  });
});
