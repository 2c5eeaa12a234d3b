import { type CacheBackend, CacheError, isCacheError } from '@ninefold/core';
import { memoryBackend } from '@ninefold/memory';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Cache, createCache } from '../src/cache.ts';
import { ManualClock, settled } from './support/manual-clock.ts';
import { pending } from './support/pending.ts';

let clock: ManualClock;
let backend: CacheBackend;
let cache: Cache;
/** Another process on the same entries. */
let other: Cache;

beforeEach(() => {
  clock = new ManualClock();
  backend = memoryBackend({ now: clock.now });
  cache = createCache(backend, { clock });
  other = createCache(backend, { clock });
});

const killers: readonly (readonly [string, (cache: Cache) => Promise<void>])[] = [
  ['delete', (who) => who.delete('k')],
  ['deleteMany', (who) => who.deleteMany(['k'])],
  ['invalidateTags', (who) => who.invalidateTags('t')],
  ['clear', (who) => who.clear()],
];

describe.each(killers)('after a %s during a load', (_name, kill) => {
  it.each([
    { who: 'this process', killer: () => cache, next: ['new'] },
    // The old load may have overwritten the new value, with a stale entry.
    { who: 'another process', killer: () => other, next: ['new', 'newer'] },
  ])('by $who, the old value is neither cached nor given to later callers', async ({ killer, next }) => {
    const slow = pending<string>();
    const early = cache.getOrSet('k', () => slow.promise, { tags: ['t'] });
    await settled();
    await kill(killer());
    const late = cache.getOrSet('k', () => 'new', { tags: ['t'] });
    await settled();
    slow.resolve('old');
    await clock.advance(1000);
    expect(await early).toBe('old');
    expect(await late).toBe('new');
    expect(next).toContain(await cache.getOrSet('k', () => 'newer', { tags: ['t'] }));
  });

  it('that no later caller waits for, the late write is stale at once', async () => {
    const slow = pending<string>();
    const early = cache.getOrSet('k', () => slow.promise, { tags: ['t'] });
    await settled();
    await kill(other);
    slow.resolve('old');
    expect(await early).toBe('old');
    expect(await cache.get('k')).toBeUndefined();
    expect(await other.get('k', { tags: ['t'] })).toBeUndefined();
  });
});

it('a load that began before a set does not bring the older value back', async () => {
  const slow = pending<string>();
  const early = cache.getOrSet('k', () => slow.promise);
  await settled();
  await other.set('k', 'set');
  expect(await cache.get('k')).toBe('set');
  slow.resolve('old');
  expect(await early).toBe('old');
  expect(await cache.getOrSet('k', () => 'new')).not.toBe('old');
});

it('after a delete the next load does not wait for the outdated one', async () => {
  const slow = pending<string>();
  const early = cache.getOrSet('k', () => slow.promise);
  await settled();
  await other.delete('k');
  expect(await other.getOrSet('k', () => 'new')).toBe('new');
  slow.resolve('old');
  await early;
});

describe('counters and entries that the server lost or corrupted', () => {
  const names = ['!g', '!e:k', '!t:t'];

  it.each(names)('without the counter %s an entry is stale, and stays so with a new counter', async (name) => {
    await cache.set('k', 'old', { tags: ['t'] });
    await backend.delete(name);
    expect(await cache.get('k')).toBeUndefined();
    expect(await cache.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('new');
    expect(await cache.get('k')).toBe('new');
  });

  it.each(names)(
    'with something else in place of the counter %s an entry is stale, and the next one is not',
    async (name) => {
      await cache.set('k', 'old', { tags: ['t'] });
      await backend.setValue(name, { no: 'counter' });
      expect(await cache.get('k')).toBeUndefined();
      expect(await cache.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('new');
      expect(await cache.get('k')).toBe('new');
      await backend.setValue(name, 'no counter');
      await cache.invalidateTags('t');
      await cache.delete('k');
      await cache.clear();
      expect(await cache.get('k')).toBeUndefined();
    },
  );

  it.each([null, 5, [], ['k', 1], ['k', Number.NaN], ['k', 2 ** 41, 5], { v: 1 }])(
    'an entry that is %j is a miss',
    async (stored) => {
      await cache.set('k', 'old');
      await backend.setValue('k', stored);
      expect(await cache.get('k')).toBeUndefined();
      expect(await cache.getOrSet('k', () => 'new')).toBe('new');
    },
  );

  it('a value with a tag that no entry can have is a miss, and its neighbours are hits', async () => {
    await cache.set('other', 1);
    await backend.setValue('k', ['title', 5, 'x'.repeat(9000)]);
    expect(await cache.getMany(['k', 'other'])).toEqual([undefined, 1]);
    expect(await cache.getOrSet('k', () => 'new')).toBe('new');
  });

  it('an entry that cannot be read is a miss, and its neighbours are hits', async () => {
    let broken = false;
    const serializer = {
      serialize: (value: unknown) => `*${JSON.stringify(value)}`,
      deserialize: (text: string): unknown => {
        if (broken && text.includes('spoilt')) throw new Error('spoilt');
        return JSON.parse(text.slice(1));
      },
    };
    const own = createCache(memoryBackend({ serializer }));
    await own.setMany([
      ['a', 'spoilt'],
      ['b', 'sound'],
    ]);
    broken = true;
    expect(await own.getMany(['a', 'b'])).toEqual([undefined, 'sound']);
    expect(await own.getOrSet('a', () => 'anew')).toBe('anew');
  });

  it('a failure of the server beside an unreadable entry rejects, and is no miss', async () => {
    const failing = { CORRUPT: backend.multiGetValues, UNAVAILABLE: backend.getValue };
    const spoilt = new Proxy(backend, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property, target);
        const code = Object.entries(failing).find(([, operation]) => operation === member)?.[0] as
          | 'CORRUPT'
          | undefined;
        if (code === undefined) return member;
        return () =>
          Promise.reject(
            new CacheError({ code, backend: 'memory', operation: property as 'getValue', reason: 'spoilt' }),
          );
      },
    });
    await expect(createCache(spoilt).get('k')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('a counter at the end of the safe integers is created anew', async () => {
    await cache.set('k', 1, { tags: ['t'] });
    await backend.setValue('!t:t', Number.MAX_SAFE_INTEGER);
    await cache.invalidateTags('t');
    expect(await cache.get('k')).toBeUndefined();
    await cache.set('k', 2, { tags: ['t'] });
    expect(await cache.get('k')).toBe(2);
  });
});

it('an entry lives for its TTL, even if its tag or its key was bumped before their counters existed', async () => {
  await cache.invalidateTags('t');
  await cache.delete('for ever');
  await cache.set('for ever', 1, { tags: ['t'] });
  await cache.set('for a month', 1, { ttl: 30 * 86_400 });
  await clock.advance(1000 * 29 * 86_400);
  expect(await cache.getMany(['for ever', 'for a month'])).toEqual([1, 1]);
});

it('the epochs of keys expire some time after their entries, and those of entries without a TTL do not', async () => {
  await cache.set('mortal', 1, { ttl: 60 });
  await cache.set('immortal', 1);
  await cache.getOrSet('loaded', () => 1, { ttl: 60 });
  await cache.delete('gone');
  await clock.advance(1000 * (86_400 + 1));
  const gone = ['!e:mortal', 'mortal', '!e:loaded', '!e:gone'];
  expect(await backend.multiGetValues(gone)).toEqual(gone.map(() => undefined));
  expect(await cache.get('immortal')).toBe(1);
});

it('a backend whose counters are not atomic is refused', () => {
  const without = {
    ...backend,
    multiGetValues: backend.multiGetValues,
    capabilities: { ...backend.capabilities, atomicIncr: false },
  };
  expect(() => createCache(without as CacheBackend)).toThrow(
    expect.toSatisfy((error) => isCacheError(error) && error.code === 'INVALID_OPTIONS'),
  );
});
