import { type CacheBackend, CacheError, MAX_TTL, observed } from '@ninefold/core';
import { memoryBackend } from '@ninefold/memory';
import { expect, it } from 'vitest';
import { type Cache, createCache } from '../src/cache.ts';
import { held } from './support/held.ts';
import { ManualClock } from './support/manual-clock.ts';

const tags = Array.from({ length: 1000 }, (_, index) => `t${index}`);

/** Processes that find no counters and create them all at once, each for an entry of its own. */
async function startCold(backend: CacheBackend, processes: number): Promise<readonly Cache[]> {
  const caches = Array.from({ length: processes }, () => createCache(backend));
  await Promise.all(caches.map((cache, index) => cache.getOrSet(`own-${index}`, () => index, { tags })));
  return caches;
}

it('an invalidation of any of a thousand tags takes effect, however many processes created their counters', async () => {
  const [cache] = await startCold(memoryBackend(), 12);
  for (const tag of tags.slice(0, 20)) {
    await cache?.getOrSet('k', () => 'old', { tags });
    expect(await cache?.get('k', { tags })).toBe('old');
    await cache?.invalidateTags(tag);
    expect(await cache?.get('k', { tags })).toBeUndefined();
  }
});

it('a counter that several processes create at once has the value of one creator', async () => {
  const backend = memoryBackend();
  await startCold(backend, 6);
  const counters = await backend.multiGetValues<number>(['!g', '!t:t0', '!t:t999', '!e:own-0']);
  // From 2^40 up to 2^40 + 2^39.
  expect(counters.map((counter) => Math.floor(Math.log2(counter ?? 0)))).toEqual([40, 40, 40, 40]);
});

it('loads of one process that begin together create the counters that they share once', async () => {
  const created: unknown[] = [];
  const backend = held(memoryBackend(), (operation, [name]) => {
    if (operation === 'incr' && !String(name).startsWith('!l:')) created.push(name);
    return undefined;
  });
  const cache = createCache(backend);
  await Promise.all(['a', 'b', 'c'].map((key) => cache.getOrSet(key, () => 1, { tags: ['t'] })));
  expect(created.sort()).toEqual(['!e:a', '!e:b', '!e:c', '!g', '!t:t']);
});

it('loads that begin together leave existing counters alone, also with tags of their own', async () => {
  const added: unknown[] = [];
  const backend = held(memoryBackend(), (operation, [name]) => {
    if (operation === 'incr' && !String(name).startsWith('!l:')) added.push(name);
    return undefined;
  });
  const cache = createCache(backend);
  const tags: Readonly<Record<string, readonly string[]>> = { a: ['x', 'y'], b: ['x,y'], c: ['z'] };
  const keys = Object.keys(tags);
  for (const key of keys) await cache.set(key, 'old', { tags: tags[key] });
  await backend.deleteMany(keys);
  added.length = 0;
  await Promise.all(keys.map((key) => cache.getOrSet(key, () => 'new', { tags: tags[key] })));
  expect(added).toEqual([]);
});

it.each([
  [60, 86_400],
  [100_000, 200_000],
  [MAX_TTL, MAX_TTL],
])('the epoch of an entry in a cache with a TTL of %i s ends after %i s', async (ttl, lifetime) => {
  const clock = new ManualClock();
  const backend = memoryBackend({ now: clock.now });
  const cache = createCache(backend, { clock, ttl });
  await cache.set('set', 1);
  await cache.getOrSet('loaded', () => 1);
  await cache.getOrSet('judged', () => 1, { ttl: () => 30 });
  const names = ['!e:set', '!e:loaded', '!e:judged'];
  const exist = (): Promise<boolean[]> => Promise.all(names.map((name) => backend.exists(name)));
  await clock.advance(1000 * lifetime - 1);
  expect(await exist()).toEqual([true, true, true]);
  await clock.advance(1);
  expect(await exist()).toEqual([false, false, false]);
});

it('an entry whose sum of counters is too large to show a bump is a miss', async () => {
  const backend = memoryBackend();
  for (const tag of tags) await backend.setValue(`!t:${tag}`, 2 ** 49);
  const cache = createCache(backend);
  await cache.getOrSet('k', () => 'old', { tags });
  await cache.invalidateTags('t5');
  expect(await cache.get('k', { tags })).toBeUndefined();
});

it.each([-5, -(2 ** 41), 0, 2 ** 50, Number.MAX_SAFE_INTEGER])(
  'a counter whose value is %i is created anew',
  async (found) => {
    const backend = memoryBackend();
    for (const name of ['!g', '!t:t', '!e:k']) await backend.setValue(name, found);
    const cache = createCache(backend, { ttl: 60 });
    expect(await cache.getOrSet('k', () => 'value', { tags: ['t'] })).toBe('value');
    expect(await cache.get('k')).toBe('value');
  },
);

it('a process whose reads wrongly find nothing does not outdate the entries of others', async () => {
  const backend = memoryBackend();
  const cache = createCache(backend);
  await cache.set('k', 'value', { tags: ['t'] });
  // A backend under `missOnError` reads nothing while its server is down.
  const blink = new Proxy(backend, {
    get: (target, property) => {
      if (property === 'multiGetValues') return async (keys: readonly string[]) => keys.map(() => undefined);
      const member: unknown = Reflect.get(target, property, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  await createCache(blink).getOrSet('other', () => 'loaded', { tags: ['t'] });
  expect(await cache.get('k')).toBe('value');
});

it('an invalidation that may have been applied says so', async () => {
  const lost = { code: 'BACKEND', operation: 'incr', reason: 'no integer', maybeApplied: true } as const;
  const down = { code: 'UNAVAILABLE', operation: 'delete', reason: 'down' } as const;
  const fail = (options: typeof lost | typeof down) => (operation: string) =>
    operation === options.operation ? Promise.reject(new CacheError({ backend: 'memory', ...options })) : undefined;
  const cache = createCache(held(memoryBackend(), fail(lost), fail(down)));
  await expect(cache.invalidateTags('t')).rejects.toMatchObject({ code: 'BACKEND', maybeApplied: true });
});

it('a counter that cannot be reached is not deleted', async () => {
  const operations: string[] = [];
  const down = new Proxy(memoryBackend(), {
    get: (target, property) => {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== 'function') return member;
      return async (): Promise<never> => {
        const operation = property as 'incr';
        operations.push(operation);
        throw new CacheError({ code: 'UNAVAILABLE', backend: 'memory', operation, reason: 'down' });
      };
    },
  });
  await expect(createCache(down).invalidateTags('t')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(operations).toEqual(['incr']);
});

it('a first set takes three round trips, and one after it two', async () => {
  const rounds: string[] = [];
  const backend = observed(memoryBackend(), ({ operation }) => rounds.push(operation));
  const cache = createCache(backend);
  await cache.set('warm', 1);
  rounds.length = 0;
  await cache.set('k', 1);
  expect(rounds).toEqual(['multiGetValues', 'incr', 'incr', 'setValue']);
  rounds.length = 0;
  await cache.set('k', { n: 2 });
  expect(rounds).toEqual(['multiGetValues', 'incr', 'setValue']);
});
