import type { Rule } from '../rule.ts';

interface Kept {
  readonly id: string;
  readonly what: string;
  readonly make: () => unknown;
  /** The value that a read returns, if it is of another kind than the one written. */
  readonly back?: () => unknown;
}

function nested(depth: number, leaf: unknown): unknown {
  let value = leaf;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { next: value };
  return value;
}

function cycle(): unknown {
  const root: { self?: unknown; list?: unknown[] } = {};
  root.self = root;
  root.list = [root, new Map([['root', root]])];
  return root;
}

const kept: readonly Kept[] = [
  { id: 'null', what: 'null', make: () => null },
  { id: 'booleans', what: 'a boolean', make: () => [true, false] },
  { id: 'false', what: 'false', make: () => false },
  { id: 'empty-string', what: 'an empty string', make: () => '' },
  { id: 'zero', what: '0', make: () => 0 },
  {
    id: 'strings-like-values',
    what: 'a string that looks like a value of another kind',
    make: () => ['5', 'null', 'true', '{"a":1}', '-0', '5n'],
  },
  { id: 'numeric-string', what: "the string '5'", make: () => '5' },
  {
    id: 'hostile-string',
    what: 'a string with quotes, NUL, U+2028, emoji and a combining accent',
    make: () => '"\'\\\0\u2028😀e\u0301\r\n</script>',
  },
  { id: 'lone-surrogate', what: 'a string with a lone surrogate', make: () => ['\ud800', 'a\udc00'] },
  { id: 'long-string', what: 'a long string of three-byte characters', make: () => '€'.repeat(100_000) },
  { id: 'integers', what: 'a safe integer', make: () => [0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER] },
  { id: 'safe-border', what: 'the largest safe integer', make: () => Number.MAX_SAFE_INTEGER },
  { id: 'negative-safe-border', what: 'the smallest safe integer', make: () => Number.MIN_SAFE_INTEGER },
  { id: 'integers-near-border', what: 'an integer near the safe border', make: () => Number.MAX_SAFE_INTEGER - 40 },
  { id: 'above-safe', what: 'an integer beyond the safe range', make: () => 2 ** 53 },
  { id: 'fractions', what: 'a fraction', make: () => [0.1 + 0.2, 5e-324, 1.7976931348623157e308, -1.5] },
  { id: 'fraction', what: '1.5', make: () => 1.5 },
  { id: 'negative-zero', what: '-0', make: () => -0 },
  { id: 'nan', what: 'NaN', make: () => Number.NaN },
  { id: 'infinities', what: 'an infinity', make: () => [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] },
  { id: 'bigint', what: 'a bigint', make: () => -(2n ** 200n) },
  { id: 'date', what: 'a Date', make: () => new Date(1_700_000_000_123) },
  { id: 'regexp', what: 'a RegExp', make: () => /a\/b(?:)/giu },
  { id: 'url', what: 'a URL', make: () => new URL('https://example.com/a%20b?q=1#h') },
  {
    id: 'map',
    what: 'a Map',
    make: () =>
      new Map<unknown, unknown>([
        ['a', new Date(1)],
        [{ k: 1 }, new Map([[1, 2]])],
      ]),
  },
  { id: 'set', what: 'a Set', make: () => new Set<unknown>([1, 'a', new Set([2n])]) },
  { id: 'nested-undefined', what: 'undefined inside a value', make: () => ({ u: undefined, list: [undefined, 1] }) },
  {
    id: 'null-prototype',
    what: 'an object without prototype',
    make: () => Object.assign(Object.create(null), { a: 1 }),
    back: () => ({ a: 1 }),
  },
  { id: 'bytes', what: 'a Uint8Array', make: () => new Uint8Array([0, 127, 128, 255]) },
  {
    id: 'subarray',
    what: 'a view of a part of a buffer',
    make: () => new Uint8Array([9, 1, 2, 9]).subarray(1, 3),
  },
  {
    id: 'array-buffer',
    what: 'an ArrayBuffer, as a Uint8Array,',
    make: () => new Uint8Array([1, 2]).buffer,
    back: () => new Uint8Array([1, 2]),
  },
  { id: 'float-array', what: 'a Float64Array with NaN and -0', make: () => new Float64Array([Number.NaN, -0, 1.5]) },
  {
    id: 'typed-arrays',
    what: 'a typed array of any other kind',
    make: () => [
      new Int8Array([-128, 127]),
      new Uint8ClampedArray([255]),
      new Int16Array([-32_768]),
      new Uint16Array([65_535]),
      new Int32Array([-(2 ** 31)]),
      new Uint32Array([2 ** 32 - 1]),
      new Float32Array([0.5, -0]),
      new BigUint64Array([2n ** 64n - 1n]),
      new Uint8Array(),
    ],
  },
  {
    id: 'buffer',
    what: 'a Node.js Buffer, as a Uint8Array,',
    make: () => Buffer?.from([0, 128, 255]) ?? new Uint8Array([0, 128, 255]),
    back: () => new Uint8Array([0, 128, 255]),
  },
  { id: 'bigint-array', what: 'a BigInt64Array', make: () => new BigInt64Array([-1n, 2n ** 62n]) },
  { id: 'error', what: 'an Error with its cause', make: () => new Error('no', { cause: { at: new Date(0) } }) },
  {
    id: 'error-subclass',
    what: 'a built-in subclass of Error, as an Error with its name,',
    make: () => new RangeError('far'),
    back: () => Object.defineProperty(new Error('far'), 'name', { value: 'RangeError' }),
  },
  {
    id: 'dotted-keys',
    what: 'an object whose keys have dots and backslashes',
    make: () => ({ 'a.b': new Date(1), 'c\\.d': new Date(2), '': 1n }),
  },
  {
    id: 'constructor-keys',
    what: 'an object with keys named constructor and prototype',
    make: () => ({ constructor: { prototype: new Date(1) }, prototype: 2 }),
  },
  {
    id: 'envelope-lookalike',
    what: 'an object that looks like the envelope',
    make: () => ({ json: 1, meta: { values: ['Date'] } }),
  },
  { id: 'cycle', what: 'a cycle', make: cycle },
  { id: 'depth', what: 'a depth of 1,000', make: () => nested(1000, 'leaf') },
  {
    id: 'shared-part',
    what: 'an object that holds one part twice',
    make: () => {
      const part = { n: 1 };
      return [part, { part }];
    },
  },
];

const { Buffer } = globalThis as { readonly Buffer?: { from(bytes: readonly number[]): Uint8Array } };

class Money {
  readonly amount = 1;
}

const sparse = (): unknown => {
  const list: unknown[] = [1];
  list.length = 3;
  return list;
};

const thrower = (): unknown =>
  Object.defineProperty({}, 'price', {
    enumerable: true,
    get: () => {
      throw new Error('no');
    },
  });

const refused: readonly [id: string, what: string, make: () => unknown, path: string][] = [
  ['undefined', 'undefined at top level', () => undefined, '$: undefined'],
  ['function', 'a function', () => ({ items: [0, { price: () => 1 }] }), '$.items[1].price: a function'],
  ['symbol', 'a symbol', () => [Symbol('s')], '$[0]: a symbol'],
  ['class-instance', 'a class instance', () => ({ price: new Money() }), `$.price: a ${Money.name}`],
  ['weak-map', 'a WeakMap', () => new WeakMap(), '$: a WeakMap'],
  ['promise', 'a promise', () => [Promise.resolve(1)], '$[0]: a Promise'],
  ['boxed', 'a boxed primitive', () => new Number(5), '$: a Number'],
  ['boxed-string', 'a boxed string', () => [new String('s')], '$[0]: a String'],
  ['throwing-getter', 'a getter that throws', thrower, '$.price: '],
  ['invalid-date', 'an invalid Date', () => ({ at: new Date(Number.NaN) }), '$.at: an invalid Date'],
  ['sparse-array', 'a sparse array', sparse, '$[1]: '],
  ['own-proto', 'an own property named __proto__', () => JSON.parse('{"a":{"__proto__":1}}') as unknown, '$.a: '],
  [
    'error-properties',
    'an error with other properties',
    () => Object.assign(new Error('no'), { status: 1 }),
    '$: an Error',
  ],
  ['aggregate-error', 'an AggregateError', () => new AggregateError([]), '$: an AggregateError'],
  ['too-deep', 'a depth over 1,000', () => nested(20_000, 1), '$'],
];

/** Puts a part into each kind of container besides plain objects and arrays. */
const holdersOf = (part: unknown): readonly unknown[] => [
  new Map([['k', part]]),
  new Map([[part, 1]]),
  new Set([part]),
  new Error('no', { cause: part }),
  Object.assign(Object.create(null), { part }),
];

export const values: readonly Rule[] = [
  ...kept.map(
    ({ id, what, make, back = make }): Rule => ({
      id: `values/${id}`,
      text: `${what} comes back equal, singly and in batches`,
      run: async ({ cache, equal }) => {
        await cache.setValue('one', make());
        await cache.multiSetValues([['two', make()]]);
        equal(await cache.getValue('one'), back());
        equal(await cache.multiGetValues(['two', 'one']), [back(), back()]);
        equal(await cache.exists('one'), true);
      },
    }),
  ),
  ...refused.map(
    ([id, what, make, path]): Rule => ({
      id: `values/refuses-${id}`,
      text: `${what} is refused with its path, and nothing is written`,
      why: 'A value that cannot come back equal is not stored.',
      run: async ({ cache, equal, holds, rejects }) => {
        await cache.setValue('k', 'old');
        const single = await rejects(cache.setValue('k', make()), 'INVALID_VALUE');
        holds(single.message.includes(path), `the message to name '${path}'`);
        const batch: [string, unknown][] = [
          ['other', 1],
          ['k', make()],
        ];
        await rejects(cache.multiSetValues(batch), 'INVALID_VALUE');
        equal(await cache.multiGetValues(['k', 'other']), ['old', undefined]);
      },
    }),
  ),
  {
    id: 'values/refuses-inside',
    text: 'a refused value is refused inside every kind of container',
    run: async ({ cache, equal, rejects }) => {
      for (const holder of [() => 1, Symbol('s'), new Money(), new Date(Number.NaN)].flatMap(holdersOf))
        await rejects(cache.setValue('k', holder), 'INVALID_VALUE');
      equal(await cache.exists('k'), false);
    },
  },
  {
    id: 'values/miss-is-undefined',
    text: 'a miss is undefined, and a stored null is not a miss',
    run: async ({ cache, equal }) => {
      await cache.setValue('nil', null);
      equal(await cache.getValue('none'), undefined);
      equal(await cache.multiGetValues(['none', 'nil']), [undefined, null]);
    },
  },
  {
    id: 'values/set-resolves-undefined',
    text: 'setValue and multiSetValues resolve undefined',
    run: async ({ cache, equal }) => {
      equal([await cache.setValue('k', 1), await cache.multiSetValues([['k', 1]])], [undefined, undefined]);
    },
  },
  {
    id: 'values/overwrite',
    text: 'a later set replaces a value of any kind',
    run: async ({ cache, equal }) => {
      const values = ['text', 5, { a: 1 }, null, 0, [1]];
      for (const value of values) {
        await cache.setValue('k', value);
        equal(await cache.getValue('k'), value);
      }
      for (const options of [{}, { ttl: 600 }]) {
        for (const value of values) {
          const pairs = ['k', 'l'].map((key) => [key, value] as const);
          await cache.multiSetValues(pairs, options);
          equal(await cache.multiGetValues(['k', 'l']), [value, value]);
        }
      }
    },
  },
  {
    id: 'values/exists-for-falsy',
    text: "exists resolves a boolean, which is true also for null, 0, '' and false",
    run: async ({ cache, equal }) => {
      for (const value of [null, 0, '', false]) {
        await cache.setValue('k', value);
        equal(await cache.exists('k'), true);
      }
      equal(await cache.exists('none'), false);
    },
  },
  {
    id: 'values/copied-in',
    text: 'changing a value after the call changes nothing in the cache',
    why: 'Arguments are read at call time.',
    run: async ({ cache, equal }) => {
      const value = { list: [1], bytes: new Uint8Array([1]) };
      const set = cache.setValue('k', value);
      value.list.push(2);
      value.bytes[0] = 9;
      await set;
      value.list.push(3);
      equal(await cache.getValue('k'), { list: [1], bytes: new Uint8Array([1]) });
      const batch = cache.multiSetValues([['k', value]]);
      value.list.length = 0;
      await batch;
      equal(await cache.getValue('k'), { list: [1, 2, 3], bytes: new Uint8Array([9]) });
    },
  },
  {
    id: 'values/copied-out',
    text: 'a read returns a copy that belongs to the caller',
    run: async ({ cache, equal }) => {
      await cache.setValue('k', { list: [1] });
      const [first, second] = await cache.multiGetValues<{ list: number[] }>(['k', 'k']);
      first?.list.push(2);
      equal(second, { list: [1] });
      const third = await cache.getValue<{ list: number[] }>('k');
      third?.list.push(3);
      equal(await cache.getValue('k'), { list: [1] });
      const change = (value: unknown): number => (value as { list: number[] }).list.push(4);
      equal([await cache.getValue('k', { type: change }), await cache.getValue('k', { type: change })], [2, 2]);
      await cache.setValue('b', new Uint8Array([1]));
      await cache.setValue('m', new Map([['a', 1]]));
      (await cache.getValue<Uint8Array>('b'))?.fill(9);
      (await cache.getValue<Map<string, number>>('m'))?.clear();
      equal(await cache.multiGetValues(['b', 'm']), [new Uint8Array([1]), new Map([['a', 1]])]);
      equal([await cache.getValue('b'), await cache.getValue('m')], [new Uint8Array([1]), new Map([['a', 1]])]);
    },
  },
  {
    id: 'values/options-read-at-call-time',
    text: 'changing options after the call changes nothing',
    run: async ({ cache, capabilities, equal }) => {
      const options: { ttl: number; type: unknown } = { ttl: 600, type: (value: unknown) => [value] };
      const { ttl, type } = options;
      const calls: (() => Promise<unknown>)[] = [
        () => cache.setValue('k', 1, options),
        () => cache.multiSetValues([['k', 1]], options),
        () => cache.getValue('k', options as never),
        () => cache.multiGetValues(['k'], options as never),
        ...(capabilities.atomicIncr ? [() => cache.incr('n', 1, options)] : []),
      ];
      const results: unknown[] = [];
      for (const call of calls) {
        Object.assign(options, { ttl, type });
        const result = call();
        Object.assign(options, { ttl: -1, type: 'none' });
        results.push(await result);
      }
      equal(results.slice(0, 4), [undefined, undefined, [1], [[1]]]);
    },
  },
  {
    id: 'values/frozen-input',
    text: 'frozen values, keys, pairs and options are accepted',
    run: async ({ cache, equal }) => {
      const value = Object.freeze({ list: Object.freeze([1]) });
      const options = Object.freeze({ ttl: 60 });
      await cache.setValue('k', value, options);
      await cache.multiSetValues(Object.freeze([Object.freeze(['m', value] as const)]), options);
      const keys = Object.freeze(['m', 'k']);
      equal(await cache.multiGetValues(keys), [value, value]);
      equal(await cache.deleteMany(keys), 2);
    },
  },
  {
    id: 'values/symbols-not-stored',
    text: 'symbol-keyed properties and extra properties of arrays are not stored',
    run: async ({ cache, equal }) => {
      await cache.setValue('k', { [Symbol('s')]: 1, list: Object.assign([1], { extra: 2 }) });
      equal(await cache.getValue('k'), { list: [1] });
    },
  },
  {
    id: 'values/stack-not-stored',
    text: 'the stack of an error is not stored',
    run: async ({ cache, holds }) => {
      await cache.setValue('k', Object.assign(new Error('no'), { stack: 's3cret frames' }));
      const error = await cache.getValue<Error>('k');
      holds(error?.message === 'no' && !`${error.stack}`.includes('s3cret'), 'an error without the stored stack');
    },
  },
  {
    id: 'values/getter-is-data',
    text: 'a getter is stored as the value it returns',
    run: async ({ cache, equal }) => {
      const value = Object.defineProperty({}, 'now', { enumerable: true, get: () => new Date(7) });
      await cache.setValue('k', value);
      equal(await cache.getValue('k'), { now: new Date(7) });
    },
  },
  {
    id: 'values/largest',
    text: 'text of maxValueBytes fits under the longest key',
    when: ({ maxValueBytes }) => maxValueBytes !== undefined && maxValueBytes <= 8_000_000,
    run: async ({ cache, capabilities, equal }) => {
      const key = 'k'.repeat(8192);
      const text = 'x'.repeat((capabilities.maxValueBytes ?? 0) - '{"json":""}'.length);
      await cache.setValue(key, text);
      equal(await cache.getValue(key), text);
      const others = ['a', 'b', 'c'].map((letter) => `${key.slice(1)}${letter}`);
      await cache.multiSetValues(others.map((other) => [other, text] as const));
      equal(await cache.multiGetValues(others), [text, text, text]);
    },
  },
  {
    id: 'values/too-large',
    text: 'text that is too large for the backend rejects TOO_LARGE, and the backend keeps working',
    when: ({ maxValueBytes }) => maxValueBytes !== undefined && maxValueBytes <= 100_000_000,
    run: async ({ cache, capabilities, equal, rejects }) => {
      const text = 'x'.repeat((capabilities.maxValueBytes ?? 0) + 10_000);
      await cache.setValue('other', 1);
      await rejects(cache.setValue('k', text), 'TOO_LARGE');
      const batch: [string, string | number][] = [
        ['other', 2],
        ['k', text],
      ];
      equal((await rejects(cache.multiSetValues(batch), 'TOO_LARGE')).key, 'k');
      await cache.setValue('k', 'fits');
      equal(await cache.getValue('k'), 'fits');
    },
  },
];
