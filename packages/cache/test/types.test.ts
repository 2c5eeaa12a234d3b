import { isCacheError } from '@ninefold/core';
import { memoryBackend } from '@ninefold/memory';
import { beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { type Cache, createCache } from '../src/cache.ts';

const User = z.object({ name: z.string(), age: z.number() });
/** Reads what was stored before ages were, and turns text into dates. */
const Event = z.object({ at: z.string().transform((text) => new Date(text)) });
const at = '2024-05-06T07:08:09.000Z';

let cache: Cache;

beforeEach(() => {
  cache = createCache(memoryBackend());
});

describe('a stored value of yesterday’s shape', () => {
  beforeEach(() => cache.set('ada', { name: 'Ada' }));

  it('is a miss', async () => {
    expect(await cache.get('ada', { type: User })).toBeUndefined();
    expect(await cache.getMany(['ada', 'ada'], { type: User })).toEqual([undefined, undefined]);
    expect(await cache.get('ada')).toEqual({ name: 'Ada' });
  });

  it('is loaded anew', async () => {
    const load = () => ({ name: 'Ada', age: 36 });
    expect(await cache.getOrSet('ada', load, { type: User })).toEqual({ name: 'Ada', age: 36 });
    expect(await cache.get('ada', { type: User })).toEqual({ name: 'Ada', age: 36 });
  });

  it('is loaded anew among many', async () => {
    await cache.set('bob', { name: 'Bob', age: 1 });
    const users = await cache.getOrSetMany(['ada', 'bob'], (keys) => keys.map((name) => ({ name, age: 2 })), {
      type: User,
    });
    expect(users).toEqual([
      { name: 'ada', age: 2 },
      { name: 'Bob', age: 1 },
    ]);
  });

  it('stays a miss where a function throws, and where an async schema refuses it', async () => {
    const strict = (value: unknown): { age: number } => {
      if (typeof value !== 'object' || value === null || !('age' in value)) throw new TypeError('no age');
      return value as { age: number };
    };
    const slow = User.refine(async () => true);
    expect(await cache.get('ada', { type: strict })).toBeUndefined();
    expect(await cache.get('ada', { type: slow })).toBeUndefined();
    expect(await cache.getOrSet('ada', () => ({ name: 'Ada', age: 3 }), { type: slow })).toEqual({
      name: 'Ada',
      age: 3,
    });
    expect(await cache.get('ada', { type: strict })).toEqual({ name: 'Ada', age: 3 });
  });
});

describe('a loaded value', () => {
  it('that its type refuses rejects each caller with the issues, and is not stored', async () => {
    const load = () => ({ name: 'Ada' }) as never;
    const outcomes = await Promise.allSettled([1, 2].map(() => cache.getOrSet('ada', load, { type: User })));
    for (const outcome of outcomes) {
      const reason: unknown = outcome.status === 'rejected' && outcome.reason;
      expect(isCacheError(reason) && [reason.code, reason.key, reason.issues?.length]).toEqual([
        'TYPE_MISMATCH',
        'ada',
        1,
      ]);
    }
    expect(await cache.has('ada')).toBe(false);
  });

  it('is stored as it was loaded; its caller, those who share the load and every hit get what the type makes of it', async () => {
    const load = async () => ({ at });
    const loaded = await Promise.all([1, 2, 3].map(() => cache.getOrSet('e', load, { type: Event })));
    const hit = await cache.getOrSet('e', load, { type: Event });
    expect([...loaded, hit]).toEqual(Array.from({ length: 4 }, () => ({ at: new Date(at) })));
    expect(await cache.get('e')).toEqual({ at });
    expect(new Set(loaded).size).toBe(3);
  });

  it('is stored, and stays the loader’s, as it was loaded, also where its type changes what it is given', async () => {
    const kept = { price: 1, parts: ['a'] };
    const type = (value: unknown): typeof kept => {
      const row = value as typeof kept;
      row.price *= 100;
      return { ...row };
    };
    const loaded = await Promise.all([1, 2].map(() => cache.getOrSet('row', () => kept, { type })));
    loaded.push(await cache.getOrSet('alone', () => kept, { type }));
    loaded.push(await cache.getOrSet('alone', () => kept, { type }));
    for (const row of loaded) {
      expect(row).toEqual({ price: 100, parts: ['a'] });
      row.parts.push('b');
    }
    expect(kept).toEqual({ price: 1, parts: ['a'] });
    expect(await cache.get('row')).toEqual({ price: 1, parts: ['a'] });
  });

  it('is read by each caller’s own type', async () => {
    const load = async () => ({ at });
    const [plain, typed, made] = await Promise.all([
      cache.getOrSet('e', load),
      cache.getOrSet('e', load, { type: Event }),
      cache.getOrSet('e', load, { type: (value) => JSON.stringify(value) }),
    ]);
    expect([plain, typed, made]).toEqual([{ at }, { at: new Date(at) }, JSON.stringify({ at })]);
  });
});

it('the types of results follow from the loader and the type', async () => {
  expectTypeOf(cache.get('k')).resolves.toEqualTypeOf<unknown>();
  expectTypeOf(cache.get<number>('k')).resolves.toEqualTypeOf<number | undefined>();
  expectTypeOf(cache.get('k', { type: User })).resolves.toEqualTypeOf<{ name: string; age: number } | undefined>();
  expectTypeOf(cache.getOrSet('n', () => 5)).resolves.toEqualTypeOf<number>();
  expectTypeOf(cache.getOrSet('n', async () => 5, { ttl: 1 })).resolves.toEqualTypeOf<number>();
  expectTypeOf(cache.getOrSet('e', () => ({ at }), { type: Event })).resolves.toEqualTypeOf<{ at: Date }>();
  expectTypeOf(cache.getOrSet('e', () => ({ at }), { type: Boolean })).resolves.toEqualTypeOf<boolean>();
  expectTypeOf(cache.getOrSetMany(['a'], (keys) => keys.map(() => 1))).resolves.toEqualTypeOf<number[]>();
  expectTypeOf(cache.wrap((id: number) => `${id}`, { key: 'w' })).toEqualTypeOf<(id: number) => Promise<string>>();
  // @ts-expect-error a schema reads what the loader gives
  void cache.getOrSet('ada', () => ({ name: 'Ada', age: 'old' }), { type: User }).catch(() => undefined);
});
