import { type CacheBackend, CacheError, type CacheErrorCode, isCacheError } from '@ninefold/core';
import { memoryBackend } from '@ninefold/memory';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Cache, createCache } from '../src/cache.ts';
import { held } from './support/held.ts';
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
/** An argument that a caller without types may pass. */
const any = (value: unknown): never => value as never;

function isOf(code: string, operation: string): (error: unknown) => boolean {
  return (error) =>
    isCacheError(error) && error.code === code && error.backend === 'memory' && error.operation === operation;
}

function* broken(): Generator<[string, number]> {
  yield ['a', 1];
  throw new Error('no more');
}

describe('a mistake in a call rejects, before anything is loaded', () => {
  const mistakes: readonly (readonly [string, string, string, () => Promise<unknown>])[] = [
    ['keys that are a string', 'INVALID_KEY', 'getOrSetMany', () => cache.getOrSetMany(any('abc'), load)],
    ['keys that are missing', 'INVALID_KEY', 'getOrSetMany', () => cache.getOrSetMany(any(undefined), load)],
    ['a missing loader', 'INVALID_OPTIONS', 'getOrSet', () => cache.getOrSet('k', any(undefined))],
    ['a missing loader of many', 'INVALID_OPTIONS', 'getOrSetMany', () => cache.getOrSetMany(['k'], any(undefined))],
    ['options of has that are null', 'INVALID_OPTIONS', 'has', () => cache.has('k', any(null))],
    ['options of set that are null', 'INVALID_OPTIONS', 'set', () => cache.set('k', 1, any(null))],
    ['options of incr that are null', 'INVALID_OPTIONS', 'incr', () => cache.incr('k', 1, any(null))],
    ['a signal that is none', 'INVALID_OPTIONS', 'getOrSet', () => cache.getOrSet('k', load, { signal: any(5) })],
    ['a signal that is null', 'INVALID_OPTIONS', 'getOrSet', () => cache.getOrSet('k', load, { signal: any(null) })],
    [
      'a signal whose listeners cannot be removed',
      'INVALID_OPTIONS',
      'getOrSet',
      () => cache.getOrSet('k', load, { signal: any({ aborted: false, addEventListener: load }) }),
    ],
    ['pairs that throw', 'INVALID_KEY', 'setMany', () => cache.setMany(broken())],
    ['pairs that are missing', 'INVALID_KEY', 'setMany', () => cache.setMany(any(undefined))],
    ['a key that is too long', 'INVALID_KEY', 'getOrSet', () => cache.getOrSet('x'.repeat(8001), load)],
    ['a key of too many bytes', 'INVALID_KEY', 'getOrSet', () => cache.getOrSet(['ä'.repeat(4000)], load)],
  ];
  it.each(mistakes)('%s: %s of %s', async (_what, code, operation, call) => {
    loads = 0;
    await expect(call()).rejects.toSatisfy(isOf(code, operation));
    expect(loads).toBe(0);
  });

  it.each([undefined, null, {}, { key: 5 }])('options of wrap without a key, %j, throw', (options) => {
    const wrap = (): unknown => cache.wrap(load, any(options));
    expect(wrap).toThrow(expect.toSatisfy(isOf('INVALID_OPTIONS', 'wrap')));
  });

  it.each([
    ['INVALID_TTL', { ttl: 0 }],
    ['INVALID_OPTIONS', { tags: 'users' }],
    ['INVALID_OPTIONS', { type: {} }],
  ])('options of wrap are refused at once, by %s: %j', (code, options) => {
    const wrap = (): unknown => cache.wrap(load, any({ key: 'k', ...options }));
    expect(wrap).toThrow(expect.toSatisfy(isOf(code, 'wrap')));
  });
});

it.each([1.5, Number.NaN, 2 ** 53, '1', null, 5n])(
  'a delta of %s is refused before anything is sent',
  async (delta) => {
    const failure = cache.incr('k', any(delta));
    await expect(failure).rejects.toSatisfy(isOf('INVALID_DELTA', 'incr'));
    await expect(failure).rejects.toMatchObject({ key: 'k' });
    expect(await backend.exists('!g')).toBe(false);
  },
);

it('keys that cannot even be counted make a call reject, and not throw', async () => {
  const error = new Error('no keys');
  const fail = (): never => {
    throw error;
  };
  const keys = new Proxy<string[]>([], { get: fail });
  const calls = [() => cache.getMany(keys), () => cache.deleteMany(keys), () => cache.getOrSetMany(keys, load)];
  for (const call of calls) await expect(call()).rejects.toBe(error);
});

it('only a function can be wrapped', () => {
  const wrap = (): unknown => cache.wrap(any(undefined), { key: 'k' });
  expect(wrap).toThrow(expect.toSatisfy(isOf('INVALID_OPTIONS', 'wrap')));
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

it('a lease that replaces junk has a TTL like any other', async () => {
  const clock = new ManualClock();
  const timed = memoryBackend({ now: clock.now });
  await timed.setValue('!l:k', 'junk');
  void createCache(timed, { clock }).getOrSet('k', () => new Promise(() => undefined));
  await clock.advance(10_000);
  expect(await timed.exists('!l:k')).toBe(false);
});

describe('an error of the backend names the caller’s operation and key', () => {
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
    ['setMany', () => failing.setMany([['a', 1]]), 'a'],
    ['deleteMany', () => failing.deleteMany(['a', 'b']), 'a'],
    ['invalidateTags', () => failing.invalidateTags('t'), undefined],
    ['clear', () => failing.clear(), undefined],
    ['incr', () => failing.incr('k'), 'k'],
    ['set', () => failing.set('k', 1), 'k'],
    ['delete', () => failing.delete('k'), 'k'],
  ] as const)('%s', async (operation, call, key) => {
    const error: unknown = await call().catch((failure: unknown) => failure);
    if (!isCacheError(error)) throw error;
    expect([error.code, error.operation, error.key]).toEqual(['UNAVAILABLE', operation, key]);
    expect(error.message).toBe(`[memory] ${operation}${key === undefined ? '' : ` "${key}"`}: down`);
  });

  it('onError of getOrSet, of the backend’s own operation', async () => {
    expect(await failing.getOrSet('k', () => 1)).toBe(1);
    expect(told.map(({ operation, key }) => [operation, key])).toEqual([['multiGetValues', 'k']]);
  });

  it.each([
    ['set', (key: string[]) => failing.set(key, 1)],
    ['incr', (key: string[]) => failing.incr(key)],
    ['delete', (key: string[]) => failing.delete(key)],
  ] as const)('%s, even if the caller has changed the key since', async (operation, call) => {
    const key = ['k'];
    const failure = call(key);
    key.length = 0;
    await expect(failure).rejects.toMatchObject({ code: 'UNAVAILABLE', operation, key: 'k' });
  });
});

it('a failed read of one key names it, alone and as a batch, even if the generation was what could not be read', async () => {
  const operation = 'multiGetValues';
  const down = new CacheError({ code: 'UNAVAILABLE', backend: 'memory', operation, reason: 'down', key: '!g' });
  const failing = createCache(held(backend, () => Promise.reject(down)));
  await expect(failing.get('k')).rejects.toMatchObject({ code: 'UNAVAILABLE', operation: 'get', key: 'k' });
  await expect(failing.getMany(['k'])).rejects.toMatchObject({ code: 'UNAVAILABLE', operation: 'getMany', key: 'k' });
});

describe('onError receives the key of the call', () => {
  const down = (key: string, code: CacheErrorCode = 'UNAVAILABLE') =>
    new CacheError({ code, backend: 'memory', operation: 'multiGetValues', reason: 'down', key });

  it('whose read failed together with that of another', async () => {
    const far = held(backend, (_operation, [names]) =>
      ['a', 'b'].every((key) => (names as readonly string[]).includes(key)) ? Promise.reject(down('b')) : undefined,
    );
    const told: unknown[] = [];
    const failing = createCache(far, { onError: ({ key }) => told.push(key) });
    await Promise.all(['a', 'b'].map((key) => failing.getOrSet(key, () => key)));
    expect(told).toEqual(['a', 'b']);
  });

  it('or of the one key of a batch that failed', async () => {
    const told: unknown[] = [];
    const far = held(backend, (operation) => (operation === 'multiGetValues' ? Promise.reject(down('b')) : undefined));
    const failing = createCache(far, { onError: ({ key }) => told.push(key) });
    expect(await failing.getOrSetMany(['a', 'b'], (keys) => keys)).toEqual(['a', 'b']);
    expect(told).toEqual(['b']);
  });

  it('whose second read failed, after the first found an unreadable entry', async () => {
    const failures = [down('k', 'CORRUPT'), down('!g')];
    const far = held(backend, () => Promise.reject(failures.shift()));
    const told: unknown[] = [];
    const failing = createCache(far, { onError: ({ code, key }) => told.push([code, key]) });
    expect(await failing.getOrSet('k', () => 1)).toBe(1);
    expect(told).toEqual([['UNAVAILABLE', 'k']]);
  });
});

describe('a load names the operation that began it if it fails with', () => {
  const opened = (): Cache => createCache(memoryBackend());
  const closed = (): Cache => {
    const cache = opened();
    void cache.close();
    return cache;
  };
  const string = (value: unknown): string => (typeof value === 'string' ? value : any(undefined));
  const refused = (): unknown => () => 'a function';

  it.each([
    ['a closed backend', 'CLOSED', 'getOrSet', () => closed().getOrSet('k', load)],
    ['a closed backend', 'CLOSED', 'getOrSetMany', () => closed().getOrSetMany(['k'], load)],
    ['a value that is refused', 'INVALID_VALUE', 'getOrSet', () => opened().getOrSet('k', refused)],
    ['a value that is refused', 'INVALID_VALUE', 'getOrSetMany', () => opened().getOrSetMany(['k'], () => [refused()])],
    ['a value of another type', 'TYPE_MISMATCH', 'getOrSet', () => opened().getOrSet('k', () => 5, { type: string })],
    [
      'a value of another type',
      'TYPE_MISMATCH',
      'getOrSetMany',
      () => opened().getOrSetMany(['k'], () => [5], { type: string }),
    ],
    [
      'no array',
      'INVALID_VALUE',
      'getOrSetMany',
      () =>
        opened().getOrSetMany(
          ['k'],
          any(() => 5),
        ),
    ],
  ] as const)('%s: %s of %s', async (_what, code, operation, call) => {
    await expect(call()).rejects.toSatisfy(isOf(code, operation));
  });
});

it.each([
  ['what a loader throws', (error: CacheError) => cache.getOrSet('k', () => Promise.reject(error))],
  ['what a loader of many throws', (error: CacheError) => cache.getOrSetMany(['k'], () => Promise.reject(error))],
  ['the reason of a signal', (error: CacheError) => cache.getOrSet('k', load, { signal: AbortSignal.abort(error) })],
])('%s is left as it is, also where it is an error of a backend', async (_what, call) => {
  const error = new CacheError({
    code: 'UNAVAILABLE',
    backend: 'db',
    operation: 'getValue',
    reason: 'down',
    key: '!g',
  });
  await expect(call(error)).rejects.toBe(error);
});
