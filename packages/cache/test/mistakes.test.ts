import { type CacheBackend, CacheError, isCacheError } from '@ninefold/core';
import { memoryBackend } from '@ninefold/memory';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Cache, createCache } from '../src/cache.ts';
import { ManualClock } from './support/manual-clock.ts';

let backend: CacheBackend;
let cache: Cache;

beforeEach(() => {
  backend = memoryBackend();
  cache = createCache(backend);
});

let loads = 0;
const load = (keys?: unknown): never => {
  loads += 1;
  return keys as never;
};
/** What a caller without types may hand in. */
const any = (value: unknown): never => value as never;

function* broken(): Generator<[string, number]> {
  yield ['a', 1];
  throw new Error('no more');
}

describe('a mistake in a call rejects, before anything is loaded', () => {
  const mistakes: readonly (readonly [string, string, () => Promise<unknown>])[] = [
    ['keys that are a string', 'INVALID_KEY', () => cache.getOrSetMany(any('abc'), load)],
    ['keys that are missing', 'INVALID_KEY', () => cache.getOrSetMany(any(undefined), load)],
    ['a missing loader', 'INVALID_OPTIONS', () => cache.getOrSet('k', any(undefined))],
    ['a missing loader of many', 'INVALID_OPTIONS', () => cache.getOrSetMany(['k'], any(undefined))],
    ['options of has that are null', 'INVALID_OPTIONS', () => cache.has('k', any(null))],
    ['options of set that are null', 'INVALID_OPTIONS', () => cache.set('k', 1, any(null))],
    ['options of incr that are null', 'INVALID_OPTIONS', () => cache.incr('k', 1, any(null))],
    ['a signal that is none', 'INVALID_OPTIONS', () => cache.getOrSet('k', load, { signal: any(5) })],
    ['a signal that is null', 'INVALID_OPTIONS', () => cache.getOrSet('k', load, { signal: any(null) })],
    ['pairs that throw', 'INVALID_KEY', () => cache.setMany(broken())],
    ['pairs that are missing', 'INVALID_KEY', () => cache.setMany(any(undefined))],
    ['a key that is too long', 'INVALID_KEY', () => cache.getOrSet('x'.repeat(8001), load)],
    ['a key of too many bytes', 'INVALID_KEY', () => cache.getOrSet(['ä'.repeat(4000)], load)],
  ];
  it.each(mistakes)('%s: %s', async (_what, code, call) => {
    loads = 0;
    await expect(call()).rejects.toSatisfy((error) => isCacheError(error) && error.code === code);
    expect(loads).toBe(0);
  });

  it.each([undefined, null, {}, { key: 5 }])('options of wrap without a key, %j, throw', (options) => {
    const wrap = (): unknown => cache.wrap(load, any(options));
    expect(wrap).toThrow(expect.toSatisfy((error) => isCacheError(error) && error.code === 'INVALID_OPTIONS'));
  });
});

it('what is no function cannot be wrapped', () => {
  const wrap = (): unknown => cache.wrap(any(undefined), { key: 'k' });
  expect(wrap).toThrow(expect.toSatisfy((error) => isCacheError(error) && error.code === 'INVALID_OPTIONS'));
});

it('the longest key is stored, counted, loaded and deleted', async () => {
  const key = 'x'.repeat(8000);
  await cache.set(key, 1);
  expect(await cache.incr(key)).toBe(1);
  await cache.delete(key);
  expect(await cache.getOrSet(key, () => 2)).toBe(2);
});

it.each(['junk', Number.MAX_SAFE_INTEGER])('%j in place of a lease is replaced', async (found) => {
  await backend.setValue('!l:k', found);
  expect(await cache.getOrSet('k', () => 'value')).toBe('value');
  expect(await cache.get('k')).toBe('value');
  expect(await backend.exists('!l:k')).toBe(false);
});

it('what replaces junk in place of a lease ends as a lease does', async () => {
  const clock = new ManualClock();
  const timed = memoryBackend({ now: clock.now });
  await timed.setValue('!l:k', 'junk');
  void createCache(timed, { clock }).getOrSet('k', () => new Promise(() => undefined));
  await clock.advance(10_000);
  expect(await timed.exists('!l:k')).toBe(false);
});

describe('an error of the backend names what the caller named', () => {
  let failing: Cache;
  let told: CacheError[];

  beforeEach(() => {
    told = [];
    const broken = new Proxy(backend, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== 'function') return member;
        return async (first: string | readonly string[]) => {
          const key = typeof first === 'string' ? first : first[0];
          const operation = property as 'getValue';
          throw new CacheError({ code: 'UNAVAILABLE', backend: 'memory', operation, reason: 'down', key });
        };
      },
    });
    failing = createCache(broken, { onError: (error) => told.push(error) });
  });

  it.each([
    ['get', () => failing.get('k'), 'k'],
    ['has', () => failing.has('k'), 'k'],
    ['getMany', () => failing.getMany(['a', 'b']), undefined],
    ['invalidateTags', () => failing.invalidateTags('t'), undefined],
    ['clear', () => failing.clear(), undefined],
    ['incr', () => failing.incr('k'), 'k'],
    ['set', () => failing.set('k', 1), 'k'],
    ['delete', () => failing.delete('k'), 'k'],
  ] as const)('%s', async (_name, call, key) => {
    await expect(call()).rejects.toSatisfy(
      (error) => isCacheError(error) && error.key === key && !error.message.includes('!'),
    );
  });

  it('onError of getOrSet', async () => {
    expect(await failing.getOrSet('k', () => 1)).toBe(1);
    expect(told.map(({ key }) => key)).toEqual(['k']);
  });
});
