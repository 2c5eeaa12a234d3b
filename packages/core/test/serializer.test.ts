import { isDeepStrictEqual } from 'node:util';
import { createContext, runInContext } from 'node:vm';
import { bytesTransformer } from '@ninefold/core';
import { SuperJSON } from 'superjson';
import { describe, expect, it } from 'vitest';
import { equal as equalByParts } from '../src/conformance/equal.ts';
import { superjsonSerializer, ValueError } from '../src/serializer.ts';
import { samples } from './support/samples.ts';

const { serialize, deserialize } = superjsonSerializer;

/** A value below so many keys. */
const below = (levels: number, value: unknown): unknown => (levels === 0 ? value : { a: below(levels - 1, value) });

/** Any reader of superjson, with the one transformer that it needs. */
const reader = new SuperJSON();
reader.registerCustom(bytesTransformer, bytesTransformer.name);

/** Equality that includes prototypes and hidden properties, but not stacks, which are not stored. */
function equal(a: unknown, b: unknown): boolean {
  try {
    return isDeepStrictEqual(a, b);
  } catch (error) {
    // Node 22's own comparison overflows the stack at a depth of 1,000.
    if (!(error instanceof RangeError)) throw error;
    return equalByParts(a, b);
  }
}

function refusalOf(value: unknown): string {
  try {
    serialize(value);
  } catch (error) {
    expect(error).toBeInstanceOf(ValueError);
    return (error as Error).message;
  }
  return 'accepted';
}

function outcomeOf(value: unknown): string {
  try {
    serialize(value);
    return 'accepted';
  } catch (error) {
    return (error as Error).name;
  }
}

describe('a value that is kept', () => {
  for (const { name, value, ...rest } of samples) {
    const expected = 'back' in rest ? rest.back : value;

    it(`comes back equal: ${name}`, () => {
      const back = deserialize(serialize(value));
      expect(equal(back, expected)).toBe(true);
      // The value that came back can be stored again, as the same text.
      expect(serialize(back)).toBe(serialize(value));
    });
  }

  it('is written as any superjson reader can read it', () => {
    const unreadable = new Set(['dates below such keys', 'an expression and an error beside such keys', 'a cycle']);
    for (const { name, value, ...rest } of samples) {
      if (unreadable.has(name)) continue;
      const read = reader.parse(serialize(value));
      if (value instanceof Error) expect(read).toMatchObject({ name: value.name, message: value.message });
      else expect(equal(read, 'back' in rest ? rest.back : value), name).toBe(true);
    }
  });

  it('is an error of its name, message and cause, whatever built-in class it had', () => {
    for (const made of [
      new TypeError('t'),
      new RangeError('r', { cause: 1n }),
      new SyntaxError(''),
      new URIError('u'),
      new EvalError('e'),
      new ReferenceError('f'),
    ]) {
      const back = deserialize(serialize(made)) as Error;
      expect(Object.getPrototypeOf(back)).toBe(Error.prototype);
      expect(back).toMatchObject({ name: made.name, message: made.message });
      expect(back.cause).toBe(made.cause);
      expect('cause' in back).toBe('cause' in made);
      expect(Object.keys(back)).toEqual([]);
    }
    const assigned = Object.assign(new Error(), { message: 'm', cause: [1n] });
    expect(deserialize(serialize(assigned))).toMatchObject({ message: 'm', cause: [1n] });
    const renamed = deserialize(serialize(Object.assign(new Error('no'), { name: 'NotFound' }))) as Error;
    expect(renamed).toMatchObject({ name: 'NotFound', message: 'no' });
    renamed.name = 'Other';
    expect(String(renamed)).toBe('Other: no');
    expect(new Error('with frames').stack).toContain(' at ');
  });

  it('may be Sets in each other down to the deepest level, whose annotations are twice as deep', () => {
    let value: unknown = 1;
    for (let depth = 0; depth < 1000; depth++) value = new Set([value]);
    expect(serialize(deserialize(serialize(value)))).toBe(serialize(value));
  });

  it('is a cycle that is a cycle again', () => {
    const loop: { self?: unknown; map?: Map<unknown, unknown>; error?: Error } = {};
    loop.self = loop;
    loop.map = new Map<unknown, unknown>([
      ['before', 1],
      [loop, loop],
      ['after', 2],
    ]);
    loop.error = new Error('loop', { cause: loop });
    const back = deserialize(serialize(loop)) as typeof loop;
    expect(back.self).toBe(back);
    expect([...(back.map as Map<unknown, unknown>).keys()]).toEqual(['before', back, 'after']);
    expect(back.map?.get(back)).toBe(back);
    expect(back.error?.cause).toBe(back);
    const list: unknown[] = [];
    list.push(list, new Date(1));
    const again = deserialize(serialize(list)) as unknown[];
    expect(again[0]).toBe(again);
    const inner: unknown[] = [];
    inner.push(inner);
    const plain: Record<string, unknown> = { inner };
    expect(deserialize(serialize(plain))).toEqual(plain);
    plain.self = plain;
    expect(deserialize(serialize(plain))).toEqual(plain);
    expect(serialize(plain)).toBe(SuperJSON.stringify(plain));
  });

  it('is recognised by its kind, even if another realm made it', () => {
    const context = createContext({ URL, out: undefined });
    const code = `({ plain: { a: [1, { b: null }] }, date: new Date(5), map: new Map([[1, [2]]]), set: new Set([1n]),
      regexp: /x/g, bytes: new Uint8Array([9, 8]), floats: new Float64Array([NaN]), buffer: new ArrayBuffer(2),
      error: new RangeError('r', { cause: [1] }), bare: Object.create(null), url: new URL('http://x/') })`;
    const foreign = runInContext(code, context) as Record<string, unknown>;
    const back = deserialize(serialize(foreign)) as Record<string, unknown>;
    expect(back.plain).toEqual({ a: [1, { b: null }] });
    expect(Object.getPrototypeOf(back.plain)).toBe(Object.prototype);
    expect(back.date).toEqual(new Date(5));
    expect(back.map).toEqual(new Map([[1, [2]]]));
    expect(back.set).toEqual(new Set([1n]));
    expect(back.regexp).toEqual(/x/g);
    expect(back.bytes).toEqual(new Uint8Array([9, 8]));
    expect(back.floats).toEqual(new Float64Array([Number.NaN]));
    expect(back.buffer).toEqual(new Uint8Array(2));
    expect(back.error).toMatchObject({ name: 'RangeError', message: 'r', cause: [1] });
    expect(back.url).toEqual(new URL('http://x/'));
    expect(serialize(runInContext('({ a: [1, "x"] })', context))).toBe('{"json":{"a":[1,"x"]}}');
    expect(refusalOf(runInContext('(new (class Money {}))', context))).toBe('$: a Money');
    expect(refusalOf(runInContext('[() => 1]', context))).toBe('$[0]: a function');
    runInContext('Object.prototype.toJSON = () => "polluted"', context);
    expect(serialize(runInContext('({ a: [{ b: 1 }] })', context))).toBe('{"json":{"a":[{"b":1}]}}');
  });
});

it('writes a value with many annotations under many levels, each with its full path', () => {
  let value: unknown = new Array(10_000).fill(undefined);
  for (let level = 0; level < 900; level++) value = { a: value };
  let back = deserialize(serialize(value));
  for (let level = 0; level < 900; level++) back = (back as { a: unknown }).a;
  expect(back).toEqual(new Array(10_000).fill(undefined));
});

describe('what is not stored of a value', () => {
  const tagged = (tag: string, value: object): object => Object.assign(value, { [Symbol.toStringTag]: tag });
  const hidden = Object.defineProperty({ a: Number.NaN }, '__proto__', { value: 1, enumerable: false });
  const values: [string, object, unknown][] = [
    ['a tag of an array', tagged('List', [1, Number.NaN]), [1, Number.NaN]],
    ['a tag of an object', tagged('Object', { a: 1 }), { a: 1 }],
    ['a hidden property, whatever its name', hidden, { a: Number.NaN }],
  ];
  for (const [what, value, stored] of values) {
    it(`does not prevent storing it: ${what}`, () => {
      expect(deserialize(serialize(value))).toEqual(stored);
    });
  }
});

describe('a value that would change', () => {
  class Decimal {
    readonly digits = 's3cret';
  }
  class Tagged {
    get [Symbol.toStringTag](): string {
      return 'Map';
    }
  }
  /** A class with the name of another. */
  const named = (name: string, one: object): object => Object.defineProperty(one, 'name', { value: name });
  const instance = (one: object): object => Reflect.construct(one as new () => object, []) as object;
  class Posing {
    readonly source = 's3cret';
    readonly flags = '';
    get [Symbol.toStringTag](): string {
      return 'RegExp';
    }
  }
  class PosingError {
    get name(): string {
      return 'Error';
    }
    get message(): string {
      return 's3cret';
    }
    get [Symbol.toStringTag](): string {
      return 'Error';
    }
  }
  const changing = new Error('s3cret');
  let asked = 0;
  Object.defineProperty(changing, 'name', { get: () => (asked++ === 0 ? 5 : 's3cret') });
  const sparse: unknown[] = [1];
  sparse.length = 3;
  const withProto: unknown = JSON.parse('{"__proto__":{"s3cret":1}}');
  const values: [string, unknown, string][] = [
    ['undefined', undefined, '$: undefined, which means a miss'],
    ['a function', () => 1, '$: a function'],
    ['a symbol', Symbol('s3cret'), '$: a symbol'],
    ['a class instance', { items: [0, 1, 2, { price: new Decimal() }] }, '$.items[3].price: a Decimal'],
    ['an object with a method', { a: 1, toJSON: () => 's3cret' }, '$.toJSON: a function'],
    ['a WeakMap', [new WeakMap()], '$[0]: a WeakMap'],
    ['a promise', Promise.resolve('s3cret'), '$: a Promise'],
    ['a boxed number', [new Number(5)], '$[0]: a Number'],
    ['a boxed string', new String('s3cret'), '$: a String'],
    ['an invalid Date', { at: new Date(Number.NaN) }, '$.at: an invalid Date'],
    ['a sparse array', { list: sparse }, '$.list[1]: a hole in a sparse array'],
    [
      'what names itself by a property',
      [Object.assign(new Decimal(), { constructor: { name: 's3cret' } })],
      '$[0]: a Decimal',
    ],
    ['an error that changes its name', changing, '$: an Error'],
    [
      'an address with a host without end',
      { u: new URL(`http://${'a'.repeat(20_000)}/`) },
      '$.u: a URL whose host is too long',
    ],
    ['an own __proto__', { a: [withProto] }, '$.a[0]: an own property named __proto__'],
    ['an error with other properties', Object.assign(new Error('s3cret'), { code: 's3cret' }), '$: an Error'],
    ['an error with causes', Object.assign(new Error('s3cret'), { causes: [] }), '$: an Error'],
    ['an AggregateError', new AggregateError([1], 's3cret'), '$: an AggregateError'],
    ['a subclass of Error', new (class QueryError extends Error {})('s3cret'), '$: a QueryError'],
    ['a subclass of Map', new (class Registry extends Map {})(), '$: a Registry'],
    ['a subclass of Array', new (class List extends Array {})(), '$: a List'],
    ['a class named Object', instance(named('Object', class {})), '$: an object that is not plain'],
    ['a class named Error of errors', instance(named('Error', class extends Error {})), '$: an Error'],
    ['a class named Error that looks like one', instance(named('Error', PosingError)), '$: an Error'],
    ['a class named Map of Maps', instance(named('Map', class extends Map {})), '$: a Map'],
    ['a class named Date of Dates', instance(named('Date', class extends Date {})), '$: a Date'],
    ['a class named Buffer of other numbers', instance(named('Buffer', class extends Int8Array {})), '$: a Buffer'],
    ['a class named RegExp that looks like one', instance(named('RegExp', Posing)), '$: a RegExp'],
    ['a class with a name that is none', instance(named('s3cret s3cret', class {})), '$: a class instance'],
    ['a class with a name without end', instance(named('N'.repeat(65), class {})), '$: a class instance'],
    ['a class without a name', instance(Object.defineProperty(class {}, 'name', { value: 5 })), '$: a class instance'],
    ['an error with a number for a message', Object.assign(new Error(), { message: 5 }), '$: an Error'],
    ['a DataView', new DataView(new ArrayBuffer(1)), '$: a DataView'],
    ['what poses as a Map', new Tagged(), '$: a Tagged'],
    ['a symbol in a Set in a Map', new Map([['k', new Set([Symbol('x')])]]), '$<value 0><item 0>: a symbol'],
    ['a function as a key of a Map', new Map([[() => 1, 1]]), '$<key 0>: a function'],
    ['a function below an odd key', { 'a b\n': { c: () => 1 } }, '$["a b\\n"].c: a function'],
    [
      'a getter that throws',
      {
        get a(): never {
          throw new Error('s3cret');
        },
      },
      '$.a: a property that cannot be read',
    ],
    ['Math', Math, '$: an object that is not plain'],
    ['a Date without its prototype', [Object.setPrototypeOf(new Date(0), null)], '$[0]: a class instance'],
    [
      'a Date with the prototype of another',
      Object.setPrototypeOf(new Date(0), Object.prototype),
      '$: an object that is not plain',
    ],
    ['bytes without their prototype', [Object.setPrototypeOf(new Uint8Array(2), null)], '$[0]: a class instance'],
    [
      'bytes with the prototype of another',
      Object.setPrototypeOf(new Uint8Array(2), Object.prototype),
      '$: an object that is not plain',
    ],
    ['an iterator', [1].values(), '$: an object that is not plain'],
    ['a subclass of Uint8Array', new (class Frame extends Uint8Array {})(2), '$: a Frame'],
    ['a subclass of ArrayBuffer', new (class Page extends ArrayBuffer {})(2), '$: a Page'],
    [
      'a RegExp of many properties',
      { r: new RegExp('\\p{L}'.repeat(100), 'u') },
      '$.r: a RegExp that is too costly to parse',
    ],
    ['more bytes than text can hold', { b: new Uint8Array(403_000_000) }, '$.b: more than 268435456 bytes'],
    ['a bigint of too many digits', [10n ** 100_000n], '$[0]: a bigint of more than 100000 digits'],
    ['a negative one', [-(10n ** 100_000n)], '$[0]: a bigint of more than 100000 digits'],
    ['what stands below a long key', { [`${'k'.repeat(64)}s3cret`]: () => 1 }, `$["${'k'.repeat(64)}…"]: a function`],
    ['what stands below a key that begins with a digit', { '1a': () => 1 }, '$["1a"]: a function'],
    ['what stands at the last level that is shown', below(16, () => 1), `$${'.a'.repeat(16)}: a function`],
    ['what stands below many levels', below(17, () => 1), `$${'.a'.repeat(16)}…: a function`],
  ];
  for (const [what, value, message] of values) {
    it(`is refused with its path and kind, and no content: ${what}`, () => {
      const refusal = refusalOf(value);
      if (what === 'an iterator') expect(refusal).toMatch(/^\$: an? /);
      else if (what === 'a getter that throws') expect(refusal).toMatch(/a property that cannot be read$/);
      else expect(refusal).toBe(message);
      expect(refusal).not.toContain('s3cret');
    });
  }

  it('is refused or comes back equal, whatever prototype it was given', () => {
    const makes = [
      () => new Date(5),
      () => /x/g,
      () => new Error('m'),
      () => new Number(5),
      () => new String('ab'),
      () => new Boolean(false),
      () => [1],
      () => ({ a: 1 }),
      () => new Map([[1, 2]]),
      () => new Set([1]),
      () => new Uint8Array([1]),
      () => new DataView(new ArrayBuffer(1)),
      () => new URL('http://x/'),
      () => new WeakMap(),
      () => new Decimal(),
      () => new Proxy(new Date(5), {}),
    ];
    const prototypes = [
      Array,
      Boolean,
      Date,
      Decimal,
      Error,
      Map,
      Number,
      Object,
      RegExp,
      Set,
      String,
      Uint8Array,
      URL,
    ];
    for (const make of makes) {
      for (const prototype of [null, ...prototypes.map((made) => made.prototype as object)]) {
        const value = Object.setPrototypeOf(make(), prototype) as object;
        // Of what is like a plain object in all but slots that only an exception would reveal, there are the keys.
        const bare = prototype === null || prototype === Object.prototype;
        const plain = bare && Object.prototype.toString.call(value) === '[object Object]' && !ArrayBuffer.isView(value);
        const kept = plain ? { ...value } : value;
        // Plain but for that, and not.
        for (const beside of [1, 1n]) {
          const holder = [beside, value];
          const refusal = refusalOf(holder);
          if (refusal !== 'accepted') expect(refusal).toMatch(/^\$\[1\]: /);
          else expect(equal(deserialize(serialize(holder)), [beside, kept])).toBe(true);
        }
      }
    }
  });

  it('is refused when it is arguments, or a proxy that throws', () => {
    const proxy = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('s3cret');
        },
      },
    );
    (function anArgumentsObject(..._: unknown[]): void {
      // biome-ignore lint/complexity/noArguments: it is the value under test
      expect(refusalOf(arguments)).not.toBe('accepted');
    })(1, 2);
    expect(refusalOf(proxy)).toBe('$: a property that cannot be read');
    const strict = new Proxy(
      { a: 1 },
      {
        get: (target, key) => {
          if (typeof key === 'string' && !(key in target)) throw new Error('s3cret');
          return Reflect.get(target, key) as unknown;
        },
      },
    );
    expect(refusalOf({ at: strict })).toBe('$.at: a property that cannot be read');
    // It throws a RangeError, as an overflow of the stack does.
    const late = {
      at: {
        get iso(): string {
          return new Date(Number.NaN).toISOString();
        },
      },
    };
    expect(refusalOf(late)).toBe('$.at.iso: a property that cannot be read');
  });

  it('does not change by a toJSON that only reading it shows', () => {
    const answering = (held: object): object =>
      new Proxy(held, { get: (target, key) => Reflect.get(target, key) ?? (() => 's3cret') });
    expect(deserialize(serialize(answering({ a: 1 })))).toEqual({ a: 1 });
    expect(deserialize(serialize([answering({ a: 1 }), new Date(5)]))).toEqual([{ a: 1 }, new Date(5)]);
  });

  it('is refused when it is too deep, never with an overflow of the stack', () => {
    for (const leaf of [1, new Date(1)]) {
      for (const depth of [1001, 5000, 200_000]) {
        let value: unknown = leaf;
        for (let level = 0; level < depth; level++) value = [value];
        expect(refusalOf(value)).toMatch(/deeper than 1000 levels$/);
      }
    }
    let maps: unknown = 1;
    for (let level = 0; level < 5000; level++) maps = new Map([[1, maps]]);
    expect(refusalOf(maps)).toMatch(/deeper than 1000 levels$/);
  });

  it('is refused when its shared parts would expand without end', () => {
    let value: unknown = ['x'];
    for (let level = 0; level < 100; level++) value = [value, value];
    expect(refusalOf(value)).toMatch(/expands to more than/);
  });

  it('is refused when its text would be longer than a string can be', () => {
    expect(refusalOf(['\0'.repeat(90_000_000)])).toBe('$: too deep or too large to be written');
  });

  it('is refused when it is deep and little of the stack is left', () => {
    const values = samples.filter(({ name }) => name.startsWith('a depth')).map(({ value }) => value);
    const outcomes: string[] = [];
    // Recurses to the end of the stack, and tries at every 500th frame on the way back.
    const climb = (): number => {
      let below = 0;
      try {
        below = 1 + climb();
      } catch {
        return 0;
      }
      if (below % 500 === 0) outcomes.push(...values.map(outcomeOf));
      return below;
    };
    climb();
    expect(new Set(outcomes)).toEqual(new Set(['accepted', 'ValueError']));
  });

  it('is refused where a polluted prototype would change it', () => {
    const prototype = Object.prototype as { toJSON?: unknown };
    Object.defineProperty(prototype, 'toJSON', { value: () => 'polluted', configurable: true });
    try {
      expect(refusalOf({ a: 1 })).toMatch(/a built-in prototype has a toJSON/);
      expect(refusalOf([new Date(0)])).toMatch(/a built-in prototype has a toJSON/);
    } finally {
      delete prototype.toJSON;
    }
  });
});

describe('what is not stored', () => {
  it('is a symbol-keyed property, an extra property of an array or a built-in, lastIndex, and a stack', () => {
    const list = Object.assign([1, 2], { extra: 'lost' });
    const dates = Object.assign([new Date(0)], { keys: 'lost', [Symbol.iterator]: 'lost' });
    const map = Object.assign(new Map([[1, 2]]), { extra: 'lost' });
    const regexp = /x/g;
    regexp.lastIndex = 3;
    expect(deserialize(serialize({ [Symbol('s')]: 1, a: 1 }))).toEqual({ a: 1 });
    expect(equal(deserialize(serialize(list)), [1, 2])).toBe(true);
    expect(equal(deserialize(serialize(dates)), [new Date(0)])).toBe(true);
    expect(equal(deserialize(serialize(map)), new Map([[1, 2]]))).toBe(true);
    expect((deserialize(serialize(regexp)) as RegExp).lastIndex).toBe(0);
    expect(serialize(new Error('m'))).toBe('{"json":{"name":"Error","message":"m"},"meta":{"values":["Error"],"v":1}}');
  });

  it('is a property that is not enumerable; a getter is stored as data', () => {
    const value = Object.defineProperty(
      {
        get now(): number {
          return 7;
        },
      },
      'hidden',
      { value: 1 },
    );
    expect(deserialize(serialize(value))).toEqual({ now: 7 });
  });
});

describe('the text', () => {
  it('is superjson: plain JSON data bare, everything else annotated', () => {
    expect(serialize({ a: [1, 'x', null] })).toBe('{"json":{"a":[1,"x",null]}}');
    expect(serialize(new Date(0))).toBe('{"json":"1970-01-01T00:00:00.000Z","meta":{"values":["Date"],"v":1}}');
    expect(serialize([new Uint8Array([1])])).toBe(
      '{"json":["AQ=="],"meta":{"values":{"0":[["custom","ninefold:bytes"]]},"v":1}}',
    );
  });

  it('is not changed by what other code registers on the default instance of superjson', () => {
    SuperJSON.registerCustom(
      { isApplicable: (v): v is string => v === 'x', serialize: () => 'changed', deserialize: () => 'changed' },
      'test:changed',
    );
    expect(deserialize(serialize(['x', 1n]))).toEqual(['x', 1n]);
  });
});
