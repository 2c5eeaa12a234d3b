import { CacheError, isCacheError, observed, scoped } from '@ninefold/core';
import { memoryBackend } from '@ninefold/memory';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Cache, type CacheOptions, createCache } from '../src/cache.ts';
import { held } from './support/held.ts';
import { settled } from './support/manual-clock.ts';
import { pending } from './support/pending.ts';

let time: number;
let cache: Cache;

beforeEach(() => {
  time = 0;
  cache = createCache(memoryBackend({ now: () => time }));
});

async function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
  } catch (error) {
    if (isCacheError(error)) return error.code;
    throw error;
  }
  return undefined;
}

describe('values', () => {
  it.each([
    null,
    0,
    '',
    false,
    -0,
    1n,
    'text',
    { a: [1, { u: undefined }] },
    new Date(0),
    new Map([['k', new Set([1])]]),
  ])('%s comes back equal and is a hit', async (value) => {
    await cache.set('k', value);
    expect(await cache.get('k')).toStrictEqual(value);
    expect(await cache.has('k')).toBe(true);
    expect(await cache.getOrSet('k', () => 'loaded')).toStrictEqual(value);
  });

  it('are replaced with their TTL', async () => {
    await cache.set('k', 'old', { ttl: 1 });
    await cache.set('k', 'new');
    time += 5000;
    expect(await cache.get('k')).toBe('new');
  });

  it('live for the TTL of the call, or else of the cache', async () => {
    const short = createCache(memoryBackend({ now: () => time }), { ttl: 1 });
    await short.set('a', 1);
    await short.set('b', 2, { ttl: 3 });
    await short.getOrSet('c', () => 3);
    await short.setMany([
      ['d', 4],
      ['e', 5],
    ]);
    await short.set('f', 6, { tags: ['t'] });
    time += 1000;
    const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
    expect(await short.getMany(keys)).toEqual(keys.map((key) => (key === 'b' ? 2 : undefined)));
  });

  describe('whose TTL is a function of them', () => {
    interface Token {
      readonly text: string;
      readonly seconds?: number | undefined;
    }
    let short: Cache;
    let loads: number;
    let told: CacheError[];
    const load = (seconds: number | undefined): Token => ({ text: `token ${++loads}`, seconds });
    const ttl = ({ seconds }: Token): number | undefined => seconds;

    beforeEach(() => {
      told = [];
      const onError = (error: CacheError): unknown => told.push(error);
      short = createCache(memoryBackend({ now: () => time }), { ttl: 10, onError });
      loads = 0;
    });

    it.each([
      [3, 3],
      [86_400, 86_400],
      [200_000, 86_400],
      [undefined, 10],
    ])('%s: live for %i s', async (seconds, lifetime) => {
      await short.getOrSet('k', () => load(seconds), { ttl });
      await short.getOrSetMany(['a', 'b'], (keys) => keys.map((key) => load(key === 'a' ? seconds : 1)), { ttl });
      await short.wrap(() => load(seconds), { key: 'w', ttl })();
      time += 1000 * lifetime - 1;
      const found = [
        { text: 'token 1', seconds },
        { text: 'token 2', seconds },
        undefined,
        { text: 'token 4', seconds },
      ];
      expect(await short.getMany(['k', 'a', 'b', ['w']])).toEqual(found);
      time += 1;
      expect(await short.getMany(['k', 'a', 'b', ['w']])).toEqual([undefined, undefined, undefined, undefined]);
    });

    it.each([0, -5])('%i: reach all callers of the load, and are not stored', async (seconds) => {
      const calls = [1, 2].map(() => short.getOrSet('k', () => load(seconds), { ttl }));
      expect(await Promise.all(calls)).toEqual([1, 2].map(() => ({ text: 'token 1', seconds })));
      expect(await short.has('k')).toBe(false);
      expect(await short.getOrSet('k', () => load(seconds), { ttl })).toMatchObject({ text: 'token 2' });
      expect(told).toEqual([]);
    });

    const wrong: (() => unknown)[] = [
      () => Number.NaN,
      () => Number.POSITIVE_INFINITY,
      () => 1e10,
      () => '60',
      () => null,
      async () => 60,
      () => Promise.reject(new Error('late')),
    ];
    it.each(wrong)('by %s: reject INVALID_TTL, and are not stored', async (ttl) => {
      const call = short.getOrSet('k', () => load(1), { ttl: ttl as () => number });
      await expect(call).rejects.toMatchObject({ code: 'INVALID_TTL', operation: 'getOrSet', key: 'k' });
      expect(await short.has('k')).toBe(false);
    });

    it('reject what it throws', async () => {
      const mistake = new TypeError('no such property');
      const fail = (): never => {
        throw mistake;
      };
      const calls = [1, 2].map(() => short.getOrSet('k', () => load(1), { ttl: fail }));
      for (const call of calls) await expect(call).rejects.toBe(mistake);
      expect(loads).toBe(1);
      expect(await short.getOrSet('k', () => undefined, { ttl: fail })).toBeUndefined();
    });

    it('are what the loader returned, whatever the type makes of them', async () => {
      const type = (value: unknown): string => (value as Token).text;
      const options = { type, ttl: (value: unknown) => (value as Token).seconds };
      expect(await short.getOrSet('k', () => load(1), options)).toBe('token 1');
      time += 1000;
      expect(await short.getOrSet('k', () => load(1), options)).toBe('token 2');
    });

    it('cannot be set or counted', async () => {
      const options = { ttl: () => 60 } as never;
      expect(await codeOf(short.set('k', 1, options))).toBe('INVALID_TTL');
      expect(await codeOf(short.setMany([['k', 1]], options))).toBe('INVALID_TTL');
      expect(await codeOf(short.incr('k', 1, options))).toBe('INVALID_TTL');
      expect(() => createCache(memoryBackend(), options)).toThrow('ttl: a TTL must be a number of seconds');
    });
  });

  it('are copies: changing a stored or a read value does not change the cache', async () => {
    const given = { list: [1] };
    const setting = cache.set('k', given);
    given.list.push(2);
    await setting;
    const taken = await cache.get<{ list: number[] }>('k');
    taken?.list.push(3);
    expect(await cache.get('k')).toEqual({ list: [1] });
  });

  it('that cannot be stored are refused with the place in them', async () => {
    class Money {
      amount = 1;
    }
    await expect(cache.set('k', { price: new Money() })).rejects.toMatchObject({
      code: 'INVALID_VALUE',
      key: 'k',
      message: '[memory] set "k": cannot store $.price: a Money',
    });
    const small = createCache(memoryBackend({ maxBytes: 1000 }));
    const pairs: [string, unknown][] = [
      ['long', 'x'.repeat(2000)],
      ['k', [new Money()]],
    ];
    await expect(small.setMany(pairs)).rejects.toMatchObject({
      code: 'INVALID_VALUE',
      key: 'k',
      message: '[memory] setMany "k": cannot store $[0]: a Money',
    });
    const nothing: [string, unknown][] = [
      ['a', 1],
      ['k', undefined],
    ];
    await expect(cache.setMany(nothing)).rejects.toMatchObject({
      code: 'INVALID_VALUE',
      key: 'k',
      message: '[memory] setMany "k": cannot store $: undefined, which means a miss',
    });
    await expect(cache.set(['k', 1], undefined)).rejects.toMatchObject({ code: 'INVALID_VALUE', key: 'k,1' });
    expect(await codeOf(cache.getOrSet('k', () => new Money()))).toBe('INVALID_VALUE');
  });

  it('that are refused name no key if the backend hides keys', async () => {
    const hiding = createCache(memoryBackend({ errorKeys: 'hidden' }));
    for (const call of [hiding.set('k', [() => 1]), hiding.getOrSet('k', () => [() => 1])]) {
      const error: unknown = await call.catch((failure: unknown) => failure);
      expect(error).toMatchObject({
        code: 'INVALID_VALUE',
        message: expect.stringMatching(/^\[memory\] \w+: cannot store \$\[0\]/),
      });
      expect(error).not.toHaveProperty('key');
    }
  });

  it('that are refused leave the old ones', async () => {
    const operations: string[] = [];
    const watched = createCache(observed(memoryBackend(), ({ operation }) => operations.push(operation)));
    await watched.set('k', 'old', { tags: ['t'] });
    operations.length = 0;
    // As deep as a backend takes, so that an entry, which holds it, is too deep.
    const deepest = Array.from({ length: 1000 }).reduce((inner) => [inner], 1);
    const refused = [
      () => 1,
      Symbol('s'),
      new Map([['price', new URLSearchParams()]]),
      [new Date(Number.NaN)],
      deepest,
    ];
    for (const value of refused) {
      expect(await codeOf(watched.set('k', value))).toBe('INVALID_VALUE');
      const pairs: [string, unknown][] = [
        ['k', 'new'],
        ['other', value],
      ];
      expect(await codeOf(watched.setMany(pairs))).toBe('INVALID_VALUE');
    }
    // The backend refused each, without sending anything.
    expect(new Set(operations)).toEqual(new Set(['setValue']));
    expect(await watched.getMany(['k', 'other'])).toEqual(['old', undefined]);
  });

  it.each([
    ['text', 'x'.repeat(200_000)],
    ['text that is escaped', '\n'.repeat(60_000)],
    ['text of more bytes than characters', 'ä'.repeat(60_000)],
    ['objects', { list: ['x'.repeat(100_000), 'y'.repeat(100_000)] }],
  ])('that are larger than the backend takes leave the old ones: %s', async (_what, value) => {
    const small = createCache(memoryBackend({ maxBytes: 110_000 }));
    await small.setMany(
      new Map([
        ['k', 'old'],
        ['other', 'old'],
      ]),
      { tags: ['t'] },
    );
    expect(await codeOf(small.set('k', value, { tags: ['t'] }))).toBe('TOO_LARGE');
    expect(
      await codeOf(
        small.setMany(
          new Map([
            ['other', 'new' as unknown],
            ['k', value],
          ]),
        ),
      ),
    ).toBe('TOO_LARGE');
    expect(await small.getMany(['k', 'other'])).toEqual(['old', 'old']);
  });

  it('that are as large as the backend takes are stored', async () => {
    const operations: string[] = [];
    const watch = ({ operation }: { readonly operation: string }) => operations.push(operation);
    const small = createCache(observed(memoryBackend({ maxBytes: 110_000 }), watch));
    await small.set('k', 'ä'.repeat(40_000));
    expect(await small.get('k')).toBe('ä'.repeat(40_000));
    // Written once, without a probe.
    expect(operations.filter((operation) => operation === 'setValue').length).toBe(1);
  });

  it('whose set fails are no longer being written when it rejects', async () => {
    const bump = pending<void>();
    const reason = 'down';
    const backend = held(memoryBackend(), (operation, [key]) => {
      if (operation === 'incr' && key === '!e:a') return bump.promise;
      if (operation !== 'incr' || key !== '!e:b') return undefined;
      return Promise.reject(new CacheError({ code: 'UNAVAILABLE', backend: 'memory', operation: 'incr', reason }));
    });
    let done = false;
    const setting = createCache(backend).setMany(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    );
    const rejection = expect(setting).rejects.toMatchObject({ code: 'UNAVAILABLE', maybeApplied: true });
    void rejection.then(() => {
      done = true;
    });
    await settled();
    expect(done).toBe(false);
    bump.resolve();
    await rejection;
  });

  const set = (cache: Cache) => cache.set('k', 'new');
  const remove = (cache: Cache) => cache.delete('k');
  it.each([
    ['still there', 'a set', 'incr', set, 'old'],
    ['gone', 'a set', 'setValue', set, undefined],
    ['still there', 'a delete', 'incr', remove, 'old'],
    ['gone', 'a delete', 'deleteMany', remove, undefined],
  ] as const)('that are %s make %s whose %s fails say so', async (_where, _what, operation, change, left) => {
    const maybeApplied = false;
    const down = new CacheError({ code: 'UNAVAILABLE', backend: 'memory', operation, reason: 'down', maybeApplied });
    let isDown = false;
    const backend = held(
      memoryBackend(),
      () => undefined,
      (requested) => (isDown && requested === operation ? Promise.reject(down) : undefined),
    );
    const failing = createCache(backend);
    await failing.set('k', 'old');
    isDown = true;
    await expect(change(failing)).rejects.toMatchObject({ code: 'UNAVAILABLE', maybeApplied: left === undefined });
    expect(await failing.get('k')).toBe(left);
  });

  it('that have replaced the old one make a set that then fails maybe applied', async () => {
    const serializer = { serialize: (value: unknown) => `*${JSON.stringify(value)}`, deserialize: () => ['old'] };
    const backend = memoryBackend({ serializer });
    const error = new CacheError({ code: 'UNAVAILABLE', backend: 'memory', operation: 'incr', reason: 'down' });
    const failing = held(backend, (operation, [key]) =>
      operation === 'incr' && key === '!e:k' ? Promise.reject(error) : undefined,
    );
    // Core’s serializer cannot write it, so the set begins with a probe.
    const setting = createCache(failing).set('k', new URLSearchParams());
    await expect(setting).rejects.toMatchObject({ code: 'UNAVAILABLE', maybeApplied: true });
  });

  it('that only the backend’s own serializer can write are stored', async () => {
    const serializer = {
      serialize: (value: unknown) => `*${JSON.stringify(value)}`,
      deserialize: (text: string): unknown => JSON.parse(text.slice(1)),
    };
    const own = createCache(memoryBackend({ serializer }));
    class Money {
      amount = 1;
    }
    await own.set('k', new Money());
    await own.setMany([
      ['a', new Money()],
      ['b', 'plain'],
    ]);
    expect(await own.getMany(['k', 'a', 'b'])).toEqual([{ amount: 1 }, { amount: 1 }, 'plain']);
  });

  it('under keys of the same text but other types of parts are separate', async () => {
    await cache.set(['a', 1], 'number');
    await cache.set(['a', '1'], 'string');
    expect(await cache.get(['a', 1])).toBe('number');
  });
});

describe('many', () => {
  it('are stored and read in the order of the keys, duplicates and misses in place', async () => {
    await cache.setMany(
      new Map<string, unknown>([
        ['a', { n: 1 }],
        ['b', null],
      ]),
      { ttl: 10, tags: ['t'] },
    );
    const values = await cache.getMany<{ n: number }>(['b', 'x', 'a', 'a']);
    expect(values).toEqual([null, undefined, { n: 1 }, { n: 1 }]);
    expect(values[2]).not.toBe(values[3]);
  });

  it('of ten thousand new keys with a tag are stored, read, invalidated and loaded', async () => {
    const keys = Array.from({ length: 10_000 }, (_, index) => `k${index}`);
    await cache.setMany(
      keys.map((key, index) => [key, index]),
      { tags: ['t'] },
    );
    expect(await cache.getMany(keys)).toEqual(keys.map((_key, index) => index));
    await cache.invalidateTags('t');
    expect(await cache.getOrSetMany(keys, (missing) => missing)).toEqual(keys);
    expect(await cache.getMany(keys)).toEqual(keys);
  });

  it('are deleted, and the last value of a key that is stored twice wins', async () => {
    await cache.setMany([
      ['c', 1],
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
    await cache.deleteMany(['a', 'b', 'x']);
    expect(await cache.getMany(['a', 'b', 'c'])).toEqual([undefined, undefined, 3]);
  });

  it('that are none cost no request', async () => {
    // A backend sends nothing for no keys.
    let keys = 0;
    const watched = createCache(
      observed(memoryBackend(), (event) => {
        keys += event.keys;
      }),
    );
    await watched.deleteMany([]);
    await watched.setMany([]);
    await watched.invalidateTags();
    expect(await watched.getMany([])).toEqual([]);
    expect(await watched.getOrSetMany([], (none) => none)).toEqual([]);
    expect(keys).toBe(0);
  });

  it('of which one is invalid are refused as a whole', async () => {
    expect(await codeOf(cache.getMany(['a', '']))).toBe('INVALID_KEY');
    expect(await codeOf(cache.getMany('ab' as never))).toBe('INVALID_KEY');
    expect(await codeOf(cache.setMany(5 as never))).toBe('INVALID_KEY');
    expect(await codeOf(cache.setMany([['a', 1], ['b'] as never]))).toBe('INVALID_KEY');
    expect(await cache.get('a')).toBeUndefined();
  });
});

describe('counters', () => {
  it('add any delta, and are read with a delta of 0', async () => {
    expect(await cache.incr('n')).toBe(1);
    expect(await cache.incr('n', -5)).toBe(-4);
    expect(await cache.incr('n', 0)).toBe(-4);
  });

  it('live for the TTL that they were created with', async () => {
    await cache.incr('n', 1, { ttl: 2 });
    time += 1000;
    await cache.incr('n', 1, { ttl: 2 });
    time += 1000;
    expect(await cache.incr('n')).toBe(1);
  });

  it('are separate from values, and are removed by a delete and a clear', async () => {
    await cache.set('n', 41);
    expect(await cache.incr('n')).toBe(1);
    expect(await cache.get('n')).toBe(41);
    await cache.delete('n');
    expect(await cache.incr('n')).toBe(1);
    await cache.clear();
    expect(await cache.incr('n')).toBe(1);
  });
});

describe('tags and clear', () => {
  it('an invalidation outdates every entry with one of the tags, and no other', async () => {
    await cache.set('a', 1, { tags: ['x', 'y'] });
    await cache.set('b', 2, { tags: ['y'] });
    await cache.getOrSet('c', () => 3, { tags: ['z'] });
    await cache.set('d', 4);
    await cache.invalidateTags('x', 'z');
    expect(await cache.getMany(['a', 'b', 'c', 'd'])).toEqual([undefined, 2, undefined, 4]);
    expect(await cache.get('b', { tags: ['y'] })).toBe(2);
  });

  it('tags that an entry does not have may be named in a read, and change nothing', async () => {
    await cache.set('k', 1, { tags: ['x', 'y'] });
    for (const tags of [['z'], ['y', 'x'], ['x', 'z'], ['x', 'y', 'z']]) {
      expect(await cache.getOrSet('k', () => 'loaded', { tags })).toBe(1);
      expect(await cache.getMany(['k', 'other'], { tags })).toEqual([1, undefined]);
    }
    await cache.invalidateTags('z');
    expect(await cache.get('k', { tags: ['z'] })).toBe(1);
    await cache.invalidateTags('y');
    expect(await cache.get('k', { tags: ['x', 'z'] })).toBeUndefined();
  });

  it('a clear outdates everything in the namespace and nothing in another', async () => {
    const backend = memoryBackend();
    const [ours, theirs] = [createCache(scoped(backend, 'ours')), createCache(scoped(backend, 'theirs'))];
    await ours.set('k', 1);
    await theirs.set('k', 2);
    await backend.setValue('k', 3);
    await ours.clear();
    expect(await ours.get('k')).toBeUndefined();
    expect(await theirs.get('k')).toBe(2);
    expect(await backend.getValue('k')).toBe(3);
  });

  it('invalid tags are refused before anything is sent', async () => {
    await cache.set('k', 'old', { tags: ['t'] });
    for (const tags of [
      't',
      [''],
      [5],
      ['x'.repeat(8001)],
      new Array(1),
      ['\ud800'],
      Array.from({ length: 1001 }, String),
    ]) {
      expect(await codeOf(cache.set('k', 1, { tags: tags as never }))).toBe('INVALID_OPTIONS');
    }
    for (const tag of ['', 'x'.repeat(8001)]) {
      expect(await codeOf(cache.invalidateTags('t', tag))).toBe('INVALID_OPTIONS');
    }
    expect(await cache.get('k')).toBe('old');
  });

  it('a thousand tags are kept apart', async () => {
    const tags = Array.from({ length: 1000 }, (_, index) => `t${index}`);
    await cache.set('k', 1, { tags });
    expect(await cache.get('k', { tags })).toBe(1);
    await cache.invalidateTags('t999');
    expect(await cache.get('k', { tags })).toBeUndefined();
  });
});

describe('wrap', () => {
  it('memoises by the arguments', async () => {
    const calls: unknown[] = [];
    const add = cache.wrap(
      (a: number, b: { n: number }) => {
        calls.push([a, b]);
        return a + b.n;
      },
      { key: 'add' },
    );
    expect([await add(1, { n: 2 }), await add(1, { n: 2 }), await add(2, { n: 2 })]).toEqual([3, 3, 4]);
    expect(calls.length).toBe(2);
    expect(await cache.get(['add', 1, { n: 2 }])).toBe(3);
  });

  it('calls the function with its arguments as they were at the call', async () => {
    const list = cache.wrap((filter: { page: number; by: { id: number } }, ids: number[]) => ({ ...filter, ids }), {
      key: ['list', 'v2'],
    });
    const filter = { page: 1, by: { id: 1 } };
    const ids = [1];
    const first = list(filter, ids);
    filter.page = 2;
    filter.by.id = 2;
    ids.push(2);
    expect(await first).toEqual({ page: 1, by: { id: 1 }, ids: [1] });
    expect(await cache.get(['list', 'v2', { page: 1, by: { id: 1 } }, [1]])).toEqual(await first);
  });

  it('refuses arguments that cannot be parts of a key', async () => {
    const circular: unknown[] = [];
    circular.push(circular);
    const wrapped = cache.wrap((_argument: unknown) => 1, { key: 'k' });
    for (const argument of [circular, new Date(), () => 1, Symbol('s')])
      expect(await codeOf(wrapped(argument))).toBe('INVALID_KEY');
  });

  it('passes on the this of the call', async () => {
    class Users {
      readonly #names = ['Ada'];
      async find(index: number): Promise<string | undefined> {
        return this.#names[index];
      }
    }
    class CachedUsers extends Users {
      override find = cache.wrap(super.find, { key: 'user' });
    }
    expect(await new CachedUsers().find(0)).toBe('Ada');
  });

  it('takes a TTL and a type', async () => {
    let calls = 0;
    const count = cache.wrap(() => ++calls, { key: 'count', ttl: 2, type: String });
    expect([await count(), await count()]).toEqual(['1', '1']);
    time += 2000;
    expect(await count()).toBe('2');
  });

  it('takes key and tags from the arguments, and then passes these on as they are', async () => {
    class Session {
      readonly user: number;
      constructor(user: number) {
        this.user = user;
      }
    }
    const calls: Session[] = [];
    const user = cache.wrap(async (session: Session) => `${session.user}: ${calls.push(session)}`, {
      key: ({ user }) => ['user', user],
      tags: ({ user }) => [`user:${user}`],
    });
    const first = new Session(1);
    await user(first);
    expect(calls[0]).toBe(first);
    expect(await user(new Session(1))).toBe('1: 1');
    await cache.invalidateTags('user:1');
    expect(await user(new Session(1))).toBe('1: 2');
  });
});

describe('close', () => {
  it('closes the backend, and every call after it rejects', async () => {
    await cache.set('k', 1);
    await cache[Symbol.asyncDispose]();
    await cache.close();
    let loads = 0;
    const load = (): number => ++loads;
    expect(await codeOf(cache.get('k'))).toBe('CLOSED');
    expect(await codeOf(cache.getOrSet('k', load))).toBe('CLOSED');
    expect(await codeOf(cache.getOrSetMany(['k'], () => [load()]))).toBe('CLOSED');
    expect(await codeOf(cache.delete('k'))).toBe('CLOSED');
    expect(loads).toBe(0);
    for (const batchOfNothing of [
      () => cache.getMany([]),
      () => cache.getOrSetMany([], () => []),
      () => cache.setMany([]),
      () => cache.deleteMany([]),
      () => cache.invalidateTags(),
    ])
      expect(await codeOf(batchOfNothing()), String(batchOfNothing)).toBe('CLOSED');
  });
});

describe('options', () => {
  it('that are invalid throw at once', () => {
    const wrong: unknown[] = [
      { ttl: 0 },
      { leaseTtl: -1 },
      { waitMs: Number.NaN },
      { waitMs: -1 },
      { waitMs: '5' },
      { onWaitTimeout: 'wait' },
      { errorKeys: true },
      { onError: 5 },
      { listener: 5 },
      { random: 5 },
      { clock: {} },
      { clock: { now: () => 0 } },
      null,
    ];
    for (const options of wrong) {
      const make = () => createCache(memoryBackend(), options as CacheOptions);
      expect(make).toThrow(expect.toSatisfy((error) => isCacheError(error) && error.code === 'INVALID_OPTIONS'));
    }
    for (const backend of [
      undefined,
      {},
      { multiGetValues: () => [] },
      { multiGetValues: () => [], capabilities: null },
    ]) {
      expect(() => createCache(backend as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }));
    }
    expect(() => createCache(memoryBackend(), { leaseTtl: 0 })).toThrow('leaseTtl: a TTL must be above 0');
  });

  it('of a call that are invalid reject before anything is loaded', async () => {
    let loads = 0;
    const load = (): number => ++loads;
    expect(await codeOf(cache.getOrSet('k', load, { ttl: 0 }))).toBe('INVALID_TTL');
    expect(await codeOf(cache.getOrSet('k', load, { type: 5 as never }))).toBe('INVALID_OPTIONS');
    expect(await codeOf(cache.getOrSet('k', load, 5 as never))).toBe('INVALID_OPTIONS');
    expect(await codeOf(cache.getOrSet('', load))).toBe('INVALID_KEY');
    expect(loads).toBe(0);
  });
});

it('no error names a key with errorKeys: hidden, including those that only listener or onError receives', async () => {
  const told: unknown[] = [];
  const backend = memoryBackend();
  const failing = held(backend, (operation, [keys]) => {
    if (operation !== 'multiGetValues') return undefined;
    const [key] = keys as string[];
    throw new CacheError({ code: 'UNAVAILABLE', backend: 'memory', operation, reason: 'down', key });
  });
  const tell = (error: unknown): number => told.push(error);
  const options: CacheOptions = { errorKeys: 'hidden', listener: ({ error }) => tell(error), onError: tell };
  const hiding = createCache(backend, options);
  const outage = createCache(failing, options);
  const waiting = createCache(backend, { ...options, waitMs: 0, onWaitTimeout: 'throw' });
  const load = pending<number>();
  const loading = hiding.getOrSet('secret', () => load.promise);
  expect(await codeOf(waiting.getOrSet('secret', () => 2))).toBe('TIMEOUT');
  load.resolve(1);
  await loading;
  const refusing = {
    type: () => {
      throw new Error('no');
    },
  };
  expect(await codeOf(hiding.getOrSet('secret', () => 1, refusing))).toBe('TYPE_MISMATCH');
  expect(await codeOf(hiding.set('secret', [() => 1]))).toBe('INVALID_VALUE');
  expect(await codeOf(hiding.set('secret', undefined))).toBe('INVALID_VALUE');
  expect(await codeOf(outage.get('secret'))).toBe('UNAVAILABLE');
  expect(await outage.getOrSet('secret', () => 3)).toBe(3);
  const errors = told.filter((error) => error !== undefined);
  expect(errors.map((error) => (error as CacheError).code)).toEqual(
    expect.arrayContaining(['TIMEOUT', 'TYPE_MISMATCH', 'INVALID_VALUE', 'UNAVAILABLE']),
  );
  for (const error of errors) {
    expect(error).not.toHaveProperty('key');
    expect(String(error)).not.toContain('secret');
  }
});
