import { type CacheBackend, createBackend } from '@ninefold/core';
import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, expectTypeOf, it } from 'vitest';
import * as z from 'zod';
import { ForeignBackend } from './support/foreign-backend.ts';
import { MapDriver } from './support/map-driver.ts';

interface User {
  readonly id: number;
  readonly joined: Date;
}

const ada: User = { id: 1, joined: new Date(0) };
const zodUser = z.object({ id: z.number(), joined: z.date() });
const valibotUser = v.object({ id: v.number(), joined: v.date() });
const arkUser = type({ id: 'number', joined: 'Date' });

async function stocked(): Promise<CacheBackend> {
  const backend = createBackend(new MapDriver());
  await backend.setValue('ada', ada);
  await backend.setValue('n', 41);
  return backend;
}

describe('the type of a read', () => {
  it('is unknown by default, or what the caller specifies', async () => {
    const backend = await stocked();
    expectTypeOf(await backend.getValue('ada')).toEqualTypeOf<unknown>();
    expectTypeOf(await backend.getValue<User>('ada')).toEqualTypeOf<User | undefined>();
    expectTypeOf(await backend.multiGetValues(['ada'])).toEqualTypeOf<unknown[]>();
    expectTypeOf(await backend.multiGetValues<User>(['ada'])).toEqualTypeOf<(User | undefined)[]>();
    // The type is never inferred from the target of an assignment: that would be an implicit cast.
    // @ts-expect-error unknown is no User
    const user: User | undefined = await backend.getValue('ada');
    expect(user).toEqual(ada);
  });

  it('is the output of a schema of zod, valibot and arktype', async () => {
    const backend = await stocked();
    const fromZod = await backend.getValue('ada', { type: zodUser });
    expectTypeOf(fromZod).toEqualTypeOf<{ id: number; joined: Date } | undefined>();
    const fromValibot = await backend.getValue('ada', { type: valibotUser });
    expectTypeOf(fromValibot).toEqualTypeOf<{ id: number; joined: Date } | undefined>();
    const fromArk = await backend.getValue('ada', { type: arkUser });
    expectTypeOf(fromArk).toEqualTypeOf<{ id: number; joined: Date } | undefined>();
    expect([fromZod, fromValibot, fromArk]).toEqual([ada, ada, ada]);
    const many = await backend.multiGetValues(['ada', 'none'], { type: zodUser });
    expectTypeOf(many).toEqualTypeOf<({ id: number; joined: Date } | undefined)[]>();
    expect(many).toEqual([ada, undefined]);
  });

  it('is the output, not the input, of a schema that transforms, sync or async', async () => {
    const backend = await stocked();
    const text = z.number().transform(String);
    const later = z.number().transform(async (value) => `${value}`);
    expectTypeOf(await backend.getValue('n', { type: text })).toEqualTypeOf<string | undefined>();
    expect(await backend.getValue('n', { type: text })).toBe('41');
    expectTypeOf(await backend.getValue('n', { type: later })).toEqualTypeOf<string | undefined>();
    expect(await backend.getValue('n', { type: later })).toBe('41');
    const valibotText = v.pipe(v.number(), v.transform(String));
    expectTypeOf(await backend.getValue('n', { type: valibotText })).toEqualTypeOf<string | undefined>();
    const arkText = type('number').pipe((value) => `${value}`);
    expectTypeOf(await backend.getValue('n', { type: arkText })).toEqualTypeOf<string | undefined>();
    expect(await backend.getValue('n', { type: arkText })).toBe('41');
  });

  it('is what a function returns, or what its promise becomes', async () => {
    const backend = await stocked();
    const toUser = (value: unknown): User => value as User;
    const toUserLater = async (value: unknown): Promise<User> => toUser(value);
    expectTypeOf(await backend.getValue('ada', { type: toUser })).toEqualTypeOf<User | undefined>();
    expectTypeOf(await backend.getValue('ada', { type: toUserLater })).toEqualTypeOf<User | undefined>();
    expectTypeOf(await backend.getValue('n', { type: Number })).toEqualTypeOf<number | undefined>();
    expectTypeOf(await backend.multiGetValues(['n'], { type: Number })).toEqualTypeOf<(number | undefined)[]>();
    expect(await backend.getValue('ada', { type: toUserLater })).toEqual(ada);
  });

  it('is inferred through generic callers', async () => {
    const backend = await stocked();
    const read = <T>(key: string, parse: (value: unknown) => T) => backend.getValue<T>(key, { type: parse });
    expectTypeOf(await read('n', Number)).toEqualTypeOf<number | undefined>();
    const readSchema = <S extends z.ZodType>(key: string, schema: S) => backend.getValue(key, { type: schema });
    expectTypeOf(await readSchema('ada', zodUser)).toEqualTypeOf<{ id: number; joined: Date } | undefined>();
    const readAny = <T>(key: string) => backend.getValue<T>(key);
    expectTypeOf(await readAny<User>('ada')).toEqualTypeOf<User | undefined>();
    expect(await read('n', Number)).toBe(41);
  });

  it('calls a schema as its own method, and does not mistake its result for a mismatch', async () => {
    const backend = await stocked();
    const schemaOf = (answer: unknown) => ({
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        answer,
        validate(_: unknown) {
          return this.answer as { value: number };
        },
      },
    });
    expect(await backend.getValue('n', { type: schemaOf({ value: 42 }) })).toBe(42);
    expect(await backend.getValue('n', { type: schemaOf(Promise.resolve({ value: 42 })) })).toBe(42);
    const poisoned = Object.defineProperty({}, 'issues', {
      get: () => {
        throw new Error('s3cret');
      },
    });
    const answers = [undefined, null, 5, {}, poisoned];
    for (const answer of answers.flatMap((each) => [each, Promise.resolve(each)])) {
      await expect(backend.getValue('n', { type: schemaOf(answer) })).rejects.toMatchObject({ code: 'TYPE_MISMATCH' });
    }
  });

  it('refuses an invalid type', async () => {
    const backend = await stocked();
    // @ts-expect-error a number is neither a schema nor a function
    await expect(backend.getValue('n', { type: 5 })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' });
    const broken = { '~standard': { version: 1, vendor: 'test' } } as never;
    await expect(backend.getValue('n', { type: broken })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' });
    // @ts-expect-error the schema goes into { type }
    await expect(backend.getValue('n', zodUser)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' });
    // @ts-expect-error a number is no User
    await backend.getValue<User>('n', { type: Number });
  });
});

describe('the interface', () => {
  it('takes readonly and computed input', async () => {
    const backend = await stocked();
    const keys = ['n', 'ada'] as const;
    await backend.multiGetValues(keys);
    await backend.multiSetValues(new Map([['m', 1]]));
    await backend.multiSetValues(Object.entries({ a: 1, b: 'two' }), { ttl: 60 });
    await backend.multiSetValues(keys.map((key) => [key, key] as const));
    const ttl: number | undefined = undefined;
    await backend.setValue('n', 1, { ttl });
    await backend.getValue('n', { type: undefined });
    expectTypeOf(await backend.incr('n', undefined, { ttl })).toEqualTypeOf<number>();
    expectTypeOf(await backend.deleteMany(keys)).toEqualTypeOf<number>();
    expect(await backend.exists('ada')).toBe(false);
  });

  it('can be implemented by a class', async () => {
    const backend: CacheBackend = new ForeignBackend();
    await backend.setValue('n', 1);
    expectTypeOf(await backend.getValue('n', { type: z.number() })).toEqualTypeOf<number | undefined>();
    await backend[Symbol.asyncDispose]();
  });
});
