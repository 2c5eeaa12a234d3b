import { isCacheError } from '@ninefold/core';
import { memoryBackend } from '@ninefold/memory';
import { beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { type Cache, createCache, type LoadOptions } from '../src/cache.ts';
import { settled } from './support/manual-clock.ts';
import { pending } from './support/pending.ts';

const User = z.object({ name: z.string(), age: z.number() });
type User = z.infer<typeof User>;
/** Turns text into a date. */
const Event = z.object({ at: z.string().transform((text) => new Date(text)) });
const at = '2024-05-06T07:08:09.000Z';

let cache: Cache;

beforeEach(() => {
  cache = createCache(memoryBackend());
});

describe('a stored value of an old shape', () => {
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

  it('that another process has loaded meanwhile is loaded anew by a caller that shared the wait of one without a type', async () => {
    const [backend, old] = [memoryBackend(), pending<object>()];
    const elsewhere = createCache(backend).getOrSet('eve', () => old.promise);
    await settled();
    const hits: unknown[] = [];
    const own = createCache(backend, { listener: (event) => event.hits !== undefined && hits.push(event.hits) });
    const untyped = own.getOrSet('eve', () => 'never');
    await settled();
    const typed = [1, 2].map((age) => own.getOrSet('eve', () => ({ name: 'Eve', age }), { type: User }));
    const many = own.getOrSetMany(['eve', 'bob'], (names) => names.map((name) => ({ name, age: 3 })), { type: User });
    await settled();
    old.resolve({ name: 'Eve' });
    await elsewhere;
    expect(await untyped).toEqual({ name: 'Eve' });
    const loaded = { name: 'Eve', age: 1 };
    expect(await Promise.all([...typed, many])).toEqual([loaded, loaded, [loaded, { name: 'bob', age: 3 }]]);
    expect(hits).toEqual([1, 0, 0, 0]);
    expect(await own.get('eve')).toEqual(loaded);
  });

  it('is a miss if a function throws, and if an async function or schema refuses it', async () => {
    const strict = (value: unknown): { age: number } => {
      if (typeof value !== 'object' || value === null || !('age' in value)) throw new TypeError('no age');
      return value as { age: number };
    };
    const slow = User.refine(async () => true);
    const late = async (value: unknown): Promise<{ age: number }> => strict(value);
    for (const type of [strict, late]) expect(await cache.get('ada', { type })).toBeUndefined();
    expect(await cache.get('ada', { type: slow })).toBeUndefined();
    await cache.set('eve', { name: 'Eve' });
    expect(await cache.getOrSet('eve', () => ({ age: 1 }), { type: late })).toEqual({ age: 1 });
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

  it('that the type of the first caller refuses still reaches callers with other types, and is not stored', async () => {
    const kept = { name: 'Ada' };
    const spoil = (value: unknown): never => {
      (value as typeof kept).name = 'spoilt';
      throw new TypeError('no');
    };
    const load = () => kept as never;
    const calls = [
      cache.getOrSet('ada', load, { type: spoil }),
      cache.getOrSet('ada', load, { type: User }),
      cache.getOrSet('ada', load),
      cache.getOrSet('ada', load, { type: (value) => (value as typeof kept).name }),
    ];
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled']);
    expect(await Promise.all(calls.slice(2))).toEqual([kept, 'Ada']);
    expect(kept).toEqual({ name: 'Ada' });
    expect(await cache.has('ada')).toBe(false);
  });

  it('is stored as it was loaded, and callers of the load and of every hit get the output of the type', async () => {
    const load = async () => ({ at });
    const loaded = await Promise.all([1, 2, 3].map(() => cache.getOrSet('e', load, { type: Event })));
    const hit = await cache.getOrSet('e', load, { type: Event });
    expect([...loaded, hit]).toEqual(Array.from({ length: 4 }, () => ({ at: new Date(at) })));
    expect(await cache.get('e')).toEqual({ at });
    expect(new Set(loaded).size).toBe(3);
  });

  it('passes its type once for a single caller', async () => {
    let passes = 0;
    const type = (value: unknown): unknown => {
      passes += 1;
      return value;
    };
    await cache.getOrSet('e', () => ({ at }), { type });
    expect(passes).toBe(1);
  });

  it('is stored as it was loaded, and stays unchanged for the loader, even if its type changes its input', async () => {
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

  it('is stored as it was loaded, even if the loader changes it while an async type decides', async () => {
    const own = { name: 'Ada', age: 36 };
    const type = async (value: unknown): Promise<unknown> => {
      own.age = 99;
      await undefined;
      return value;
    };
    expect(await cache.getOrSet('ada', () => own, { type })).toEqual({ name: 'Ada', age: 36 });
    expect(await cache.get('ada')).toEqual({ name: 'Ada', age: 36 });
  });

  it('is converted by each caller’s own type', async () => {
    const load = async () => ({ at });
    const [plain, typed, made] = await Promise.all([
      cache.getOrSet('e', load),
      cache.getOrSet('e', load, { type: Event }),
      cache.getOrSet('e', load, { type: (value) => JSON.stringify(value) }),
    ]);
    expect([plain, typed, made]).toEqual([{ at }, { at: new Date(at) }, JSON.stringify({ at })]);
  });

  it('is converted by each caller’s own type, even if the first has given up', async () => {
    const controller = new AbortController();
    const slow = pending<{ at: string }>();
    const leaving = cache.getOrSet('e', () => slow.promise, { type: Event, signal: controller.signal });
    const staying = cache.getOrSet('e', () => slow.promise);
    await settled();
    controller.abort(new Error('gone'));
    await expect(leaving).rejects.toThrow('gone');
    slow.resolve({ at });
    expect(await staying).toEqual({ at });
  });
});

describe('a loader without a value', () => {
  const none = (): undefined => undefined;
  const type = User.optional();
  const slowly = type.refine(async () => true);

  it('resolves the type’s output for undefined, and nothing is stored', async () => {
    expect(await cache.getOrSet('k', none, { type })).toBeUndefined();
    expect(await cache.getOrSet('k', none, { type: slowly })).toBeUndefined();
    expect(await cache.getOrSet('k', none, { type: (value) => value })).toBeUndefined();
    expect(await cache.getOrSet('k', none, { type: z.string().default('nobody') })).toBe('nobody');
    expect(await cache.wrap(none, { key: 'k', type })()).toBeUndefined();
    const users = await cache.getOrSetMany(['k', 'ada'], () => [undefined, { name: 'Ada', age: 36 }], { type });
    expect(users).toEqual([undefined, { name: 'Ada', age: 36 }]);
    expect(await cache.has('k')).toBe(false);
  });

  it('is refused by a type that does not allow undefined, for each caller that shares the load', async () => {
    const load = none as () => never;
    const strict = (value: unknown): unknown => {
      if (value === undefined) throw new TypeError('none');
      return value;
    };
    const calls = [
      cache.getOrSet('k', load, { type }),
      cache.getOrSet('k', load, { type: User }),
      cache.getOrSet('k', load, { type: strict }),
      cache.getOrSet('k', load),
    ];
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code)).toEqual([
      false,
      'TYPE_MISMATCH',
      'TYPE_MISMATCH',
      false,
    ]);
  });
});

it('a type that returns undefined for a value refuses it', async () => {
  const call = cache.getOrSet('k', () => 'value', { type: () => undefined });
  await expect(call).rejects.toMatchObject({ code: 'TYPE_MISMATCH' });
});

it('the types of results follow from the loader and the type', async () => {
  expectTypeOf(cache.get('k')).resolves.toEqualTypeOf<unknown>();
  expectTypeOf(cache.get<number>('k')).resolves.toEqualTypeOf<number | undefined>();
  expectTypeOf(cache.get('k', { type: User })).resolves.toEqualTypeOf<{ name: string; age: number } | undefined>();
  expectTypeOf(cache.getOrSet('n', () => 5)).resolves.toEqualTypeOf<number>();
  expectTypeOf(cache.getOrSet('n', async () => 5, { ttl: 1 })).resolves.toEqualTypeOf<number>();
  const ageOf = ({ age }: User): number => age;
  const ada = (): User => ({ name: 'Ada', age: 36 });
  expectTypeOf(cache.getOrSet('u', ada, { ttl: (user) => user.age })).resolves.toEqualTypeOf<User>();
  expectTypeOf(cache.getOrSet('u', async (_context) => ada(), { ttl: ageOf })).resolves.toEqualTypeOf<User>();
  expectTypeOf(cache.getOrSetMany(['u'], (_keys) => [ada()], { ttl: ageOf })).resolves.toEqualTypeOf<User[]>();
  expectTypeOf(cache.wrap(ada, { key: 'u', ttl: ({ age }) => age })).toEqualTypeOf<() => Promise<User>>();
  expectTypeOf(
    cache.getOrSet('e', () => ({ at }), { type: Event, ttl: (event) => event.at.length }),
  ).resolves.toEqualTypeOf<{ at: Date }>();
  // @ts-expect-error the TTL is not that of the loader's value
  cache.getOrSet('n', () => 5, { ttl: ageOf }).catch(() => undefined);
  // @ts-expect-error no load
  cache.set('n', 5, { ttl: () => 60 }).catch(() => undefined);
  const options: LoadOptions = { ttl: 60 };
  expectTypeOf(cache.getOrSet('n', () => 5, options)).resolves.toEqualTypeOf<number>();
  expectTypeOf(cache.getOrSet('e', () => ({ at }), { type: Event })).resolves.toEqualTypeOf<{ at: Date }>();
  expectTypeOf(cache.getOrSet('e', () => ({ at }), { type: Boolean })).resolves.toEqualTypeOf<boolean>();
  const found = (): User | undefined => undefined;
  const none = { key: 'none', type: User.optional() };
  expectTypeOf(cache.getOrSet('u', found, none)).resolves.toEqualTypeOf<User | undefined>();
  expectTypeOf(cache.getOrSetMany(['u'], () => [found()], none)).resolves.toEqualTypeOf<(User | undefined)[]>();
  expectTypeOf(cache.wrap(found, none)).toEqualTypeOf<() => Promise<User | undefined>>();
  expectTypeOf(cache.getOrSet('u', found)).resolves.toEqualTypeOf<User | undefined>();
  expectTypeOf(cache.getOrSetMany(['a'], (keys) => keys.map(() => 1))).resolves.toEqualTypeOf<number[]>();
  expectTypeOf(cache.getOrSetMany(['a'], (keys) => keys.map(async () => 1))).resolves.toEqualTypeOf<number[]>();
  expectTypeOf(cache.wrap((id: number) => `${id}`, { key: 'w' })).toEqualTypeOf<(id: number) => Promise<string>>();
  // As those of arktype are: a schema that is a function, too.
  const Callable = Object.assign((value: unknown): string => String(value), { '~standard': Event['~standard'] });
  expectTypeOf(cache.get('c', { type: Callable })).resolves.toEqualTypeOf<{ at: Date } | undefined>();
  expectTypeOf(cache.getOrSet('c', () => ({ at }), { type: Callable })).resolves.toEqualTypeOf<{ at: Date }>();
  expectTypeOf(cache.getOrSetMany(['c'], () => [{ at }], { type: Callable })).resolves.toEqualTypeOf<{ at: Date }[]>();
  expectTypeOf(cache.wrap(() => ({ at }), { key: 'c', type: Callable })).toEqualTypeOf<() => Promise<{ at: Date }>>();
  const dated = (id: number, options?: { at: string }) => `${id} ${options?.at}`;
  const sum = (...terms: number[]) => terms.length;
  // Functions of fewer arguments leave the others of the wrapped function.
  expectTypeOf(cache.wrap(dated, { key: 'w', tags: (id) => [`${id}`] })).toEqualTypeOf<
    (id: number, options?: { at: string }) => Promise<string>
  >();
  expectTypeOf(cache.wrap(sum, { key: (first) => ['w', first] })).toEqualTypeOf<
    (...terms: number[]) => Promise<number>
  >();
  // What a loader read is not known before its schema has checked it.
  const json = async (): Promise<unknown> => JSON.parse('{ "name": "Ada", "age": 36 }');
  const many = async (keys: readonly string[]): Promise<unknown[]> => Promise.all(keys.map(json));
  expectTypeOf(cache.getOrSet('j', json, { type: User })).resolves.toEqualTypeOf<User>();
  expectTypeOf(
    cache.getOrSet('j', ({ signal }) => (signal.aborted ? undefined : json()), { type: User }),
  ).resolves.toEqualTypeOf<User>();
  expectTypeOf(cache.getOrSetMany(['j'], many, { type: User })).resolves.toEqualTypeOf<User[]>();
  expectTypeOf(cache.wrap((_id: number) => json(), { key: 'j', type: User })).toEqualTypeOf<
    (id: number) => Promise<User>
  >();
  // As a query that runs once it is awaited, and has no other method of a promise.
  const query = (): PromiseLike<User> => Promise.resolve({ name: 'Ada', age: 36 });
  expectTypeOf(cache.getOrSet('q', query)).resolves.toEqualTypeOf<User>();
  expectTypeOf(cache.getOrSet('q', () => query(), { type: User })).resolves.toEqualTypeOf<User>();
  expectTypeOf(cache.wrap((_id: number) => query(), { key: 'q' })).toEqualTypeOf<(id: number) => Promise<User>>();
  // @ts-expect-error a loader that may resolve undefined needs a type that allows it
  void cache.getOrSet('u', found, { type: User }).catch(() => undefined);
  // @ts-expect-error the loader’s value is the input of the schema
  void cache.getOrSet('ada', () => ({ name: 'Ada', age: 'old' }), { type: User }).catch(() => undefined);
  // @ts-expect-error even if the schema is a function, too
  void cache.getOrSet('e', () => ({ at: 5 }), { type: Callable }).catch(() => undefined);
});
