import { type CacheBackend, CacheError, observed } from '@ninefold/core';
import { memoryBackend } from '@ninefold/memory';
import { expect, it } from 'vitest';
import { type Cache, createCache } from '../src/cache.ts';

const tags = Array.from({ length: 1000 }, (_, index) => `t${index}`);

/** Processes that find no counter and make them all at once, each for an entry of its own. */
async function startCold(backend: CacheBackend, processes: number): Promise<readonly Cache[]> {
  const caches = Array.from({ length: processes }, () => createCache(backend));
  await Promise.all(caches.map((cache, index) => cache.getOrSet(`own-${index}`, () => index, { tags })));
  return caches;
}

it('an invalidation is seen whichever of a thousand tags it names and however many processes made their counters', async () => {
  const [cache] = await startCold(memoryBackend(), 12);
  for (const tag of tags.slice(0, 20)) {
    await cache?.getOrSet('k', () => 'old', { tags });
    expect(await cache?.get('k', { tags })).toBe('old');
    await cache?.invalidateTags(tag);
    expect(await cache?.get('k', { tags })).toBeUndefined();
  }
});

it('a counter stays where it is for the one who came second', async () => {
  const backend = memoryBackend();
  await startCold(backend, 6);
  const counters = await backend.multiGetValues<number>(['!g', '!t:t0', '!t:t999', '!e:own-0']);
  // One of 2^39 places after the first 2^40.
  expect(counters.map((counter) => Math.floor(Math.log2(counter ?? 0)))).toEqual([40, 40, 40, 40]);
});

it('sums of counters that are too great to tell a bump are of no use to an entry', async () => {
  const backend = memoryBackend();
  for (const tag of tags) await backend.setValue(`!t:${tag}`, 2 ** 49);
  const cache = createCache(backend);
  await cache.getOrSet('k', () => 'old', { tags });
  await cache.invalidateTags('t5');
  expect(await cache.get('k', { tags })).toBeUndefined();
});

it.each([-5, -(2 ** 41), 0, 2 ** 50, Number.MAX_SAFE_INTEGER])(
  'a counter that came to %i is made anew',
  async (found) => {
    const backend = memoryBackend();
    for (const name of ['!g', '!t:t', '!e:k']) await backend.setValue(name, found);
    const cache = createCache(backend, { ttl: 60 });
    expect(await cache.getOrSet('k', () => 'value', { tags: ['t'] })).toBe('value');
    expect(await cache.get('k')).toBe('value');
  },
);

it('a read that finds nothing where something is clears nothing', async () => {
  const backend = memoryBackend();
  const cache = createCache(backend);
  await cache.set('k', 'value', { tags: ['t'] });
  // As a backend under `missOnError` answers while its server is down.
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
