import { isCacheError } from '../../errors.ts';
import { allTextOf } from '../failure.ts';
import type { Rule } from '../rule.ts';

/** A Standard Schema that validates with a function. */
function schemaOf(validate: (value: unknown) => unknown): never {
  return { '~standard': { version: 1, vendor: 'suite', validate } } as never;
}

const double = (value: unknown): number => (value as number) * 2;
const later = async <T>(value: T): Promise<T> => {
  await new Promise((resolve) => setTimeout(resolve, 1));
  return value;
};

const fails = () => {
  throw new RangeError('s3cret');
};
const mismatches: readonly [id: string, what: string, type: never][] = [
  ['issues', 'a schema that finds issues', schemaOf(() => ({ issues: [{ message: 'got s3cret' }] }))],
  [
    'later-issues',
    'a schema that finds issues asynchronously',
    schemaOf(() => later({ issues: [{ message: 'got s3cret' }] })),
  ],
  ['throws', 'a function that throws', fails as never],
  ['schema-throws', 'a schema that throws', schemaOf(fails)],
  ['rejects', 'a function that rejects', (() => later(1).then(fails)) as never],
  ['undefined', 'an output of undefined', (() => undefined) as never],
  ['schema-undefined', 'a schema whose output is undefined', schemaOf(() => ({ value: undefined }))],
  ['later-undefined', 'an asynchronous output of undefined', (() => later(undefined)) as never],
];

export const types: readonly Rule[] = [
  {
    id: 'types/function',
    text: 'the output of a function is the result of a hit',
    run: async ({ cache, equal }) => {
      await cache.setValue('k', 21);
      equal([await cache.getValue('k', { type: double }), await cache.getValue('k', { type: String })], [42, '21']);
    },
  },
  {
    id: 'types/async-function',
    text: 'an async function is awaited',
    run: async ({ cache, equal }) => {
      await cache.setValue('k', 21);
      equal(await cache.getValue('k', { type: (value) => later(double(value)) }), 42);
    },
  },
  {
    id: 'types/schema',
    text: 'the output of a Standard Schema is the result of a hit',
    run: async ({ cache, equal }) => {
      await cache.setValue('k', 21);
      equal(await cache.getValue('k', { type: schemaOf((value) => ({ value: double(value) })) }), 42);
    },
  },
  {
    id: 'types/async-schema',
    text: 'an async schema is awaited',
    run: async ({ cache, equal }) => {
      await cache.setValue('k', 21);
      equal(await cache.getValue('k', { type: schemaOf((value) => later({ value: double(value) })) }), 42);
    },
  },
  {
    id: 'types/callable-schema',
    text: 'a schema that is also callable is used as a schema',
    why: "arktype's schemas are functions, which return issues instead of throwing them.",
    run: async ({ cache, equal }) => {
      await cache.setValue('k', 21);
      const callable = Object.assign(() => 'called', schemaOf((value) => ({ value: double(value) })) as object);
      equal(await cache.getValue('k', { type: callable as never }), 42);
      equal(await cache.multiGetValues(['k'], { type: callable as never }), [42]);
    },
  },
  {
    id: 'types/schema-keeps-this',
    text: 'a type receives the value as its only argument, and a schema is called as its own method',
    run: async ({ cache, equal }) => {
      await cache.multiSetValues([
        ['a', 'v'],
        ['b', 'w'],
      ]);
      const seen: unknown[] = [];
      const type = (...args: unknown[]): number => seen.push(args);
      const schema = {
        '~standard': {
          version: 1,
          vendor: 'suite',
          validate(...args: unknown[]) {
            return { value: this?.vendor === 'suite' && type(...args) };
          },
        },
      };
      for (const each of [type, schema as never]) {
        equal(typeof (await cache.getValue('a', { type: each })), 'number');
        await cache.multiGetValues(['a', 'b'], { type: each });
        equal(seen.splice(0), [['v'], ['v'], ['w']]);
      }
    },
  },
  {
    id: 'types/on-callers-time',
    text: 'a type may take longer than the timeout of the call',
    waits: true,
    run: async ({ open, equal }) => {
      const cache = await open({ timeoutMs: 1000 });
      let called = false;
      const type = async (value: unknown): Promise<number> => {
        called = true;
        await new Promise((resolve) => setTimeout(resolve, 1100));
        return double(value);
      };
      // A timeout before the type was called is due to the server, on a busy machine.
      const inTime = async <T>(call: () => Promise<T>): Promise<T> => {
        for (;;) {
          try {
            return await call();
          } catch (error) {
            if (called || !isCacheError(error) || !error.retryable) throw error;
            await later(undefined);
          }
        }
      };
      await inTime(() => cache.setValue('k', 21));
      equal(await inTime(() => cache.getValue('k', { type })), 42);
      called = false;
      equal(await inTime(() => cache.multiGetValues(['k'], { type })), [42]);
    },
  },
  {
    id: 'types/batch',
    text: 'the type is applied to each hit of a batch, in place',
    run: async ({ cache, equal }) => {
      await cache.multiSetValues([
        ['a', 1],
        ['b', 2],
      ]);
      equal(await cache.multiGetValues(['b', 'x', 'a', 'b'], { type: double }), [4, undefined, 2, 4]);
      const slowFirst = (value: unknown) => (value === 1 ? later(double(value)) : double(value));
      equal(await cache.multiGetValues(['a', 'x', 'b'], { type: slowFirst }), [2, undefined, 4]);
    },
  },
  {
    id: 'types/miss-skips',
    text: 'the type is not called for a miss',
    run: async ({ cache, equal }) => {
      let called = 0;
      const type = () => {
        called += 1;
        return 1;
      };
      equal(await cache.getValue('none', { type }), undefined);
      equal(await cache.multiGetValues(['none', 'nil'], { type }), [undefined, undefined]);
      equal(called, 0);
    },
  },
  {
    id: 'types/falsy-hits',
    text: "null, 0, '' and false are hits, to which the type is applied",
    run: async ({ cache, equal }) => {
      const falsy = [null, 0, '', false];
      await cache.multiSetValues(falsy.map((value, index) => [`k${index}`, value] as const));
      equal(
        await cache.multiGetValues(['k0', 'k1', 'k2', 'k3'], { type: (value) => [value] }),
        falsy.map((value) => [value]),
      );
      equal(await cache.getValue('k0', { type: (value) => ({ value }) }), { value: null });
    },
  },
  {
    id: 'types/falsy-outputs',
    text: "an output of null, 0, '' or false is a result",
    run: async ({ cache, equal }) => {
      await cache.setValue('k', 1);
      for (const output of [null, 0, '', false]) equal(await cache.getValue('k', { type: () => output }), output);
    },
  },
  ...mismatches.map(
    ([id, what, type]): Rule => ({
      id: `types/mismatch-${id}`,
      text: `${what} rejects TYPE_MISMATCH, and the entry stays`,
      run: async ({ cache, equal, rejects }) => {
        await cache.setValue('k', 's3cret');
        await rejects(cache.getValue('k', { type }), 'TYPE_MISMATCH');
        equal((await rejects(cache.multiGetValues(['none', 'k'], { type }), 'TYPE_MISMATCH')).key, 'k');
        equal(await cache.getValue('k'), 's3cret');
      },
    }),
  ),
  {
    id: 'types/issues',
    text: "the validator's own issues are on the error, but not in its message or JSON",
    run: async ({ cache, holds, rejects }) => {
      await cache.setValue('k', 's3cret');
      const issues = [{ message: 'got s3cret' }];
      const failure = await rejects(cache.getValue('k', { type: schemaOf(() => ({ issues })) }), 'TYPE_MISMATCH');
      holds(failure.issues === issues, 'the issues to be the same objects as those of the validator');
      holds(!allTextOf(failure).includes('s3cret'), 'no value in the error');
    },
  },
  {
    id: 'types/validator-message-hidden',
    text: "only the name of a validator's exception is shown",
    run: async ({ cache, holds, rejects }) => {
      await cache.setValue('k', 's3cret');
      const failure = await rejects(cache.getValue('k', { type: fails }), 'TYPE_MISMATCH');
      holds(`${failure.message}${String(failure.cause)}`.includes('RangeError'), 'the name RangeError in the error');
      holds(!allTextOf(failure).includes('s3cret'), 'no message of the validator');
    },
  },
  {
    id: 'types/first-failure',
    text: 'a batch rejects with the first mismatch in the order of the keys',
    run: async ({ cache, equal, rejects }) => {
      await cache.multiSetValues([
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ]);
      const type = async (value: unknown) => {
        if (value === 2) await later(0);
        if (value !== 1) throw new Error('no');
        return value;
      };
      equal((await rejects(cache.multiGetValues(['a', 'b', 'c'], { type }), 'TYPE_MISMATCH')).key, 'b');
    },
  },
  {
    id: 'types/refused',
    text: 'a type that is neither a schema nor a function rejects INVALID_OPTIONS',
    run: async ({ cache, rejects }) => {
      await cache.setValue('k', 1);
      for (const type of [5, 'string', null, {}, []] as never[]) {
        await rejects(cache.getValue('k', { type }), 'INVALID_OPTIONS');
        await rejects(cache.multiGetValues(['k'], { type }), 'INVALID_OPTIONS');
      }
      await rejects(
        cache.getValue(
          'k',
          schemaOf(() => ({ value: 1 })),
        ),
        'INVALID_OPTIONS',
      );
    },
  },
  {
    id: 'types/undefined',
    text: 'a type of undefined means no type',
    run: async ({ cache, equal }) => {
      await cache.setValue('k', 1);
      equal([await cache.getValue('k', { type: undefined }), await cache.getValue('k', {})], [1, 1]);
    },
  },
];
