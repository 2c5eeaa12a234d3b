import { inspect } from 'node:util';
import {
  type CacheBackend,
  type CacheErrorCode,
  type Call,
  createBackend,
  DriverError,
  type Stored,
  type ValueType,
} from '@ninefold/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { failureOf } from './support/failure.ts';
import { MapDriver } from './support/map-driver.ts';
import { TimedDriver } from './support/timed-driver.ts';

let driver: MapDriver;
let backend: CacheBackend;

beforeEach(() => {
  driver = new MapDriver();
  backend = createBackend(driver);
});

describe('the input of a driver', () => {
  it('is the key under its namespace', async () => {
    await createBackend(driver, { namespace: 'app' }).setValue('a:b', 1);
    expect([...driver.entries]).toEqual([['app:a:b', 1]]);
  });

  it('is an integer for a safe integer, and text for every other value', async () => {
    const values = [41, 0, -7, Number.MAX_SAFE_INTEGER, -0, 1.5, 2 ** 53, '5', null];
    await backend.multiSetValues(values.map((value, index) => [`k${index}`, value] as const));
    const stored = [...driver.entries.values()];
    expect(stored.slice(0, 4)).toEqual([41, 0, -7, Number.MAX_SAFE_INTEGER]);
    for (const text of stored.slice(4)) expect(text).toMatch(/^\{"json":/);
  });

  it('is distinct keys, the last value of each duplicate, and one TTL', async () => {
    const seen: unknown[] = [];
    driver.setMany = (entries, ...[ttl]: unknown[]) => void seen.push(entries, ttl);
    await backend.multiSetValues(new Map([['m', 1]]), { ttl: 1.5 });
    await backend.multiSetValues([
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ] as const);
    expect(seen).toEqual([
      [['m', 1]],
      1.5,
      [
        ['a', 3],
        ['b', 2],
      ],
      undefined,
    ]);
    driver.deleteMany = (keys) => seen.push(keys);
    await backend.deleteMany(['d', 'e', 'd']);
    expect(seen.at(-1)).toEqual(['d', 'e']);
  });

  it('is nothing at all for an empty batch', async () => {
    expect(await backend.multiGetValues([])).toEqual([]);
    expect(await backend.multiSetValues([])).toBeUndefined();
    expect(await backend.multiSetValues(new Map())).toBeUndefined();
    expect(await backend.deleteMany([])).toBe(0);
    expect(driver.calls).toEqual([]);
  });

  it('was read at call time', async () => {
    const value = { n: 1 };
    const keys = ['v'];
    const set = backend.setValue('v', value);
    value.n = 2;
    await set;
    driver.getMany = (async (asked: readonly string[]) => {
      await set;
      return asked.map((key) => driver.entries.get(key));
    }) as never;
    const get = backend.multiGetValues(keys);
    keys[0] = 'other';
    expect(await get).toEqual([{ n: 1 }]);
    const options = { type: () => 'early' };
    const typed = [backend.getValue('v', options), backend.multiGetValues(['v'], options)];
    options.type = () => 'late';
    expect(await Promise.all(typed)).toEqual(['early', ['early']]);
  });
});

describe('bad input', () => {
  const refusals: [string, CacheErrorCode, (cache: CacheBackend) => Promise<unknown>][] = [
    ['an empty key', 'INVALID_KEY', (cache) => cache.getValue('')],
    ['a key that is no string', 'INVALID_KEY', (cache) => cache.setValue(5 as never, 1)],
    ['keys that are no array', 'INVALID_KEY', (cache) => cache.multiGetValues('ab' as never)],
    ['keys that are a Set', 'INVALID_KEY', (cache) => cache.deleteMany(new Set(['a']) as never)],
    ['a hole among the keys', 'INVALID_KEY', (cache) => cache.multiGetValues(new Array(1))],
    ['one bad key among good ones', 'INVALID_KEY', (cache) => cache.deleteMany(['a', '\ud800'])],
    ['pairs that are no iterable', 'INVALID_KEY', (cache) => cache.multiSetValues(5 as never)],
    ['pairs that are a string', 'INVALID_KEY', (cache) => cache.multiSetValues('ab' as never)],
    ['pairs that are a plain object', 'INVALID_KEY', (cache) => cache.multiSetValues({ a: 1 } as never)],
    ['a pair of one', 'INVALID_KEY', (cache) => cache.multiSetValues([['a']] as never)],
    ['a pair of three', 'INVALID_KEY', (cache) => cache.multiSetValues([['a', 1, { ttl: 60 }]] as never)],
    ['pairs whose iterator throws', 'INVALID_KEY', (cache) => cache.multiSetValues(throwingPairs())],
    ['undefined as a value', 'INVALID_VALUE', (cache) => cache.setValue('a', undefined)],
    [
      'a function as a value',
      'INVALID_VALUE',
      (cache) =>
        cache.multiSetValues([
          ['a', 1],
          ['b', () => 1],
        ] as never),
    ],
    ['a TTL of 0', 'INVALID_TTL', (cache) => cache.setValue('a', 1, { ttl: 0 })],
    ['a TTL as a string', 'INVALID_TTL', (cache) => cache.multiSetValues([['a', 1]], { ttl: '5' as never })],
    ['a bad TTL with an empty batch', 'INVALID_TTL', (cache) => cache.multiSetValues([], { ttl: -1 })],
    ['a TTL given by position', 'INVALID_TTL', (cache) => cache.setValue('a', 1, 60 as never)],
    ['null for options', 'INVALID_TTL', (cache) => cache.incr('a', 1, null as never)],
    ['null for options of a read', 'INVALID_OPTIONS', (cache) => cache.getValue('a', null as never)],
    ['a default in place of options', 'INVALID_OPTIONS', (cache) => cache.getValue('a', 'default' as never)],
    ['a fractional delta', 'INVALID_DELTA', (cache) => cache.incr('a', 1.5)],
    ['a delta of 2^53', 'INVALID_DELTA', (cache) => cache.incr('a', 2 ** 53)],
    ['a delta of null', 'INVALID_DELTA', (cache) => cache.incr('a', null as never)],
    ['a bigint as delta', 'INVALID_DELTA', (cache) => cache.incr('a', 1n as never)],
    ['a type that is no type', 'INVALID_OPTIONS', (cache) => cache.getValue('a', { type: 5 as never })],
    [
      'a schema that cannot validate',
      'INVALID_OPTIONS',
      (cache) => cache.getValue('a', { type: schemaOf(5 as never) }),
    ],
    ['a type of null', 'INVALID_OPTIONS', (cache) => cache.multiGetValues(['a'], { type: null as never })],
    ['a bad type with an empty batch', 'INVALID_OPTIONS', (cache) => cache.multiGetValues([], { type: 5 as never })],
    [
      'a schema in place of options',
      'INVALID_OPTIONS',
      (cache) => cache.getValue('a', schemaOf((v) => ({ value: v })) as never),
    ],
    ['a function in place of options', 'INVALID_OPTIONS', (cache) => cache.getValue('a', (() => 1) as never)],
  ];

  for (const [what, code, call] of refusals) {
    it(`rejects ${what} as ${code} before anything is sent`, async () => {
      driver.entries.set('a', 7);
      const failure = await failureOf(call(backend));
      expect(failure).toMatchObject({ code, retryable: false, maybeApplied: false, backend: 'map' });
      expect(driver.calls).toEqual([]);
      expect([...driver.entries]).toEqual([['a', 7]]);
    });
  }

  it('is described in the error, with the name of what the pairs threw', async () => {
    expect((await failureOf(backend.incr('a', 1.5))).message).toBe(
      '[map] incr "a": a delta must be a safe integer, not 1.5',
    );
    const text = failureOf(backend.incr('a', '1' as never));
    expect((await text).message).toBe('[map] incr "a": a delta must be a safe integer, not a string');
    const thrown = await failureOf(backend.multiSetValues(throwingPairs()));
    expect(thrown.cause).toMatchObject({ name: 'Error' });
    expect(inspect(thrown, { depth: 9 })).not.toContain('s3cret');
  });

  it('reads each option once, though its getter may have another the second time', async () => {
    const timed = createBackend(new TimedDriver(() => 0));
    let reads = 0;
    const options = {
      get ttl() {
        reads += 1;
        return 5;
      },
      get type() {
        reads += 1;
        return String;
      },
    };
    await timed.setValue('k', 1, options);
    await timed.multiSetValues([['k', 1]], options);
    await timed.incr('k', 1, options);
    await timed.getValue('k', options);
    await timed.multiGetValues(['k'], options);
    expect(reads).toBe(5);
  });

  it('names the key of a failing batch of one, and none of a larger one, if its driver names none', async () => {
    const failing = createBackend(
      Object.assign(new MapDriver(), {
        getMany: () => Promise.reject(new DriverError('UNAVAILABLE', 'no connection')),
        setMany: () => Promise.reject(new DriverError('UNAVAILABLE', 'no connection')),
        deleteMany: () => Promise.reject(new DriverError('UNAVAILABLE', 'no connection')),
      }),
      { namespace: 'n' },
    );
    const calls = [failing.multiGetValues(['k']), failing.multiSetValues([['k', 1]]), failing.deleteMany(['k'])];
    expect(await Promise.all(calls.map(async (call) => (await failureOf(call)).key))).toEqual(['k', 'k', 'k']);
    for (const call of [failing.multiGetValues(['k', 'l']), failing.deleteMany(['k', 'l'])]) {
      expect((await failureOf(call)).key).toBeUndefined();
    }
  });

  it('names the key if there is one', async () => {
    expect((await failureOf(backend.deleteMany(['a', '\ud800']))).key).toBe('\ud800');
    expect(
      (
        await failureOf(
          backend.multiSetValues([
            ['a', 1],
            ['b', undefined],
          ]),
        )
      ).key,
    ).toBe('b');
    expect('key' in (await failureOf(backend.getValue(5 as never)))).toBe(false);
    for (const bad of [undefined, null, 5] as never[]) {
      const pairs = [
        ['a', 1],
        [bad, 2],
      ] as const;
      for (const call of [backend.multiSetValues(pairs), backend.deleteMany(['a', bad])]) {
        expect('key' in (await failureOf(call))).toBe(false);
      }
    }
    expect((await failureOf(backend.setValue('a', { b: [Symbol('s')] }))).message).toMatch(
      /^\[map\] setValue "a": cannot store \$\.b\[0\]: /,
    );
  });
});

describe('the entry that a driver finds', () => {
  it('is a value, a number for an integer in either form, and undefined for a miss', async () => {
    driver.entries.set('text', '{"json":{"a":null}}').set('number', -7).set('decimal', '42').set('zero', '0');
    expect(await backend.multiGetValues(['text', 'number', 'decimal', 'zero', 'none', 'text'])).toEqual([
      { a: null },
      -7,
      42,
      0,
      undefined,
      { a: null },
    ]);
  });

  const unreadable = ['', '05', '-0', '+1', '1.5', ' 5', '5 ', 'null', '[1]', '<html>', '{', '{}', '{"meta":{}}'];
  for (const found of [...unreadable, '9007199254740992', '-9007199254740992', null, 1.5, 2 ** 53, Number.NaN]) {
    it(`rejects ${JSON.stringify(found)} as CORRUPT, singly and in a batch, or as a miss with onUnreadable`, async () => {
      driver.entries.set('ns:bad', found).set('ns:good', 1);
      const strict = createBackend(driver, { namespace: 'ns', onUnreadable: 'throw', errorKeys: 'shown' });
      const single = await failureOf(strict.getValue('bad'));
      expect(single).toMatchObject({ code: 'CORRUPT', key: 'bad', retryable: false });
      expect(single.cause).toBeInstanceOf(Error);
      const batch = await failureOf(strict.multiGetValues(['good', 'bad', 'bad']));
      expect(batch).toMatchObject({ code: 'CORRUPT', key: 'bad', operation: 'multiGetValues' });
      const lenient = createBackend(driver, { namespace: 'ns', onUnreadable: 'miss' });
      expect(await lenient.getValue('bad')).toBeUndefined();
      expect(await lenient.multiGetValues(['bad', 'good'])).toEqual([undefined, 1]);
      expect(await strict.exists('bad')).toBe(true);
    });
  }

  it('is never guessed from an answer of too few or too many values', async () => {
    for (const values of [[1], [1, 2, 3]]) {
      driver.getMany = () => values;
      expect((await failureOf(backend.multiGetValues(['a', 'b']))).code).toBe('BACKEND');
    }
  });

  it('may come in a thenable that is no promise', async () => {
    driver.get = () => thenable(7);
    driver.getMany = () => thenable([7]);
    expect(await backend.getValue('k')).toBe(7);
    expect(await backend.multiGetValues(['k'])).toEqual([7]);
  });

  it('is copied for each caller', async () => {
    await backend.setValue('v', { list: [1] });
    const [first, second] = (await backend.multiGetValues<{ list: number[] }>(['v', 'v'])) as { list: number[] }[];
    first?.list.push(2);
    expect(second).toEqual({ list: [1] });
    expect(await backend.getValue('v')).toEqual({ list: [1] });
  });
});

describe('a serializer of the caller', () => {
  const upper = {
    serialize: (value: unknown) => `!${JSON.stringify(value)}`,
    deserialize: (text: string) => JSON.parse(text.slice(1)) as unknown,
  };

  it('replaces the default for everything but safe integers', async () => {
    const cache = createBackend(driver, { serializer: upper });
    await cache.multiSetValues(
      new Map<string, unknown>([
        ['n', 5],
        ['s', 'x'],
      ]),
    );
    expect([...driver.entries.values()]).toEqual([5, '!"x"']);
    expect(await cache.multiGetValues(['n', 's'])).toEqual([5, 'x']);
    expect(await cache.incr('n')).toBe(6);
  });

  const texts: [string, unknown][] = [
    ['a string that would be read as a counter', '12345678901234567890'],
    ['an empty string', ''],
    ['a string with lone surrogates', '"\ud800"'],
    ['number instead of a string', 5],
    ['undefined instead of a string', undefined],
    ['object instead of a string', Promise.resolve('v')],
  ];
  for (const [what, text] of texts) {
    it(`may not return ${what}`, async () => {
      const cache = createBackend(driver, { serializer: { serialize: () => text as string, deserialize: (t) => t } });
      const failure = await failureOf(cache.setValue('k', 'v'));
      expect(failure).toMatchObject({ code: 'INVALID_VALUE', key: 'k' });
      expect(failure.message).toBe(`[map] setValue "k": cannot store $: the serializer returned ${what}`);
      expect(driver.calls).toEqual([]);
    });
  }

  it('that throws is rejected with the name of its error, but not its message', async () => {
    const thrower = () => {
      throw new TypeError('s3cret');
    };
    const cache = createBackend(driver, { serializer: { serialize: thrower, deserialize: thrower } });
    driver.entries.set('k', 'text');
    for (const call of [cache.setValue('k', 'v'), cache.getValue('k')]) {
      expect(inspect(await failureOf(call), { depth: 9 })).not.toContain('s3cret');
    }
    expect((await failureOf(cache.setValue('k', undefined))).code).toBe('INVALID_VALUE');
  });

  it('that could write or reads undefined, which is a miss, is refused', async () => {
    const cache = createBackend(driver, { serializer: { serialize: String, deserialize: () => undefined } });
    expect((await failureOf(cache.setValue('k', undefined))).code).toBe('INVALID_VALUE');
    driver.entries.set('k', 'text');
    expect((await failureOf(cache.getValue('k'))).code).toBe('CORRUPT');
  });

  it('is not given an empty text, which it may not write', async () => {
    const cache = createBackend(driver, { serializer: { serialize: String, deserialize: (text) => text } });
    driver.entries.set('k', '');
    expect((await failureOf(cache.getValue('k'))).code).toBe('CORRUPT');
  });
});

describe('a type', () => {
  it('is not called on a miss', async () => {
    let asked = 0;
    const type = () => ++asked;
    expect(await backend.getValue('none', { type })).toBeUndefined();
    expect(await backend.multiGetValues(['none', 'nil'], { type })).toEqual([undefined, undefined]);
    expect(asked).toBe(0);
  });

  it('makes the result of a hit, as a function or a schema, sync or async', async () => {
    driver.entries.set('k', 2).set('l', 3).set('nil', '{"json":null}');
    const double = (value: unknown) => (value as number) * 2;
    const types = [
      double,
      async (value: unknown) => double(value),
      (value: unknown) => thenable(double(value)),
      schemaOf((value) => ({ value: double(value) })),
      schemaOf(function (this: { vendor: string }, value) {
        return { value: this.vendor === 'test' ? double(value) : 'without its object' };
      }),
    ];
    for (const type of [...types, schemaOf(async (value) => ({ value: double(value) }))]) {
      expect(await backend.getValue('k', { type })).toBe(4);
      expect(await backend.multiGetValues(['l', 'x', 'k', 'nil'], { type })).toEqual([6, undefined, 4, 0]);
    }
  });

  it('that is both a schema and a function is a schema', async () => {
    driver.entries.set('k', 2);
    const type = Object.assign(
      () => 'as a function',
      schemaOf(() => ({ value: 'as a schema' })),
    );
    expect(await backend.getValue('k', { type: type as never })).toBe('as a schema');
  });

  const refusals: [string, ValueType<unknown>, thrown?: string][] = [
    [
      'throws',
      () => {
        throw new RangeError('s3cret');
      },
      'RangeError',
    ],
    [
      'rejects',
      async () => {
        throw new RangeError('s3cret');
      },
      'RangeError',
    ],
    ['has no result', schemaOf(() => null), 'TypeError'],
    ['later has no result', schemaOf(async () => null), 'TypeError'],
    ['returns undefined', () => undefined],
    ['resolves undefined', async () => undefined],
    ['has an output of undefined', schemaOf(() => ({ value: undefined }))],
    ['later has an output of undefined', schemaOf(async () => ({ value: undefined }))],
  ];
  for (const [what, type, thrown] of refusals) {
    it(`that ${what} rejects TYPE_MISMATCH and leaves the entry, or is a miss with onUnreadable`, async () => {
      driver.entries.set('k', '{"json":"s3cret"}');
      for (const call of [backend.getValue('k', { type }), backend.multiGetValues(['k', 'k'], { type })]) {
        const failure = await failureOf(call);
        expect(failure).toMatchObject({ code: 'TYPE_MISMATCH', key: 'k', retryable: false });
        expect(inspect(failure, { depth: 9 }) + JSON.stringify(failure)).not.toContain('s3cret');
        expect((failure.cause as Error | undefined)?.name).toBe(thrown);
      }
      expect(await backend.getValue('k')).toBe('s3cret');
      const lenient = createBackend(driver, { onUnreadable: 'miss' });
      expect(await lenient.multiGetValues(['k', 'k'], { type })).toEqual([undefined, undefined]);
    });
  }

  it('with issues puts them on the error, hidden from inspect and JSON', async () => {
    driver.entries.set('k', 1);
    const issues = [{ message: 'expected "s3cret"' }];
    const failure = await failureOf(backend.getValue('k', { type: schemaOf(() => ({ issues })) }));
    expect(failure.issues).toBe(issues);
    expect(failure.message).toBe('[map] getValue "k": the value does not match its type');
    expect(inspect(failure, { depth: 9, showHidden: false }) + JSON.stringify(failure)).not.toContain('s3cret');
  });

  it('of a batch fails with the first failure in input order, once all have settled', async () => {
    driver.entries.set('slow', 1).set('corrupt', null).set('fine', 2);
    let done = 0;
    const type = async (value: unknown) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      done += 1;
      if (value === 1) throw new Error('no');
      return value;
    };
    const failure = await failureOf(backend.multiGetValues(['fine', 'slow', 'corrupt', 'fine'], { type }));
    expect(failure).toMatchObject({ code: 'TYPE_MISMATCH', key: 'slow' });
    expect(done).toBe(3);
  });
});

describe('a failure of the driver', () => {
  it('carries its code, cleaned cause and key without the namespace', async () => {
    const cache = createBackend(driver, { namespace: 'ns', name: 'mine' });
    driver.setMany = () => {
      const cause = { name: 'ReplyError', code: 'OOM', message: 'command not allowed' };
      throw new DriverError('BACKEND', 'out of memory', { applied: 'no', key: 'ns:b', retryable: true, cause });
    };
    const failure = await failureOf(
      cache.multiSetValues([
        ['a', 1],
        ['b', 2],
      ]),
    );
    expect(failure).toMatchObject({ code: 'BACKEND', backend: 'mine', key: 'b', retryable: true, maybeApplied: true });
    expect(failure.message).toBe('[mine] multiSetValues "b": out of memory');
    expect(failure.cause).toMatchObject({ name: 'ReplyError', code: 'OOM', message: 'command not allowed' });
    expect(failure.cause).toBeInstanceOf(Error);
  });

  it('is recognised when another copy of this package made it', async () => {
    const foreign = Object.assign(new Error('no connection'), { code: 'UNAVAILABLE', options: { applied: 'no' } });
    Object.defineProperty(foreign, Symbol.for('ninefold.DriverError'), { value: true });
    driver.incr = () => {
      throw foreign;
    };
    expect(await failureOf(backend.incr('k'))).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: false });
  });

  it('is a CacheError whatever is thrown', async () => {
    const unreadable = ['stack', 'message', 'name'].map((property) =>
      Object.defineProperty(new Error('x'), property, {
        get: () => {
          throw new TypeError('no');
        },
      }),
    );
    for (const thrown of [undefined, null, 'text', ...unreadable]) {
      driver.get = () => {
        throw thrown;
      };
      expect(await failureOf(backend.getValue('k'))).toMatchObject({ code: 'BACKEND', key: 'k' });
      driver.get = () => Promise.reject(thrown) as never;
      expect(await failureOf(backend.getValue('k'))).toMatchObject({ code: 'BACKEND', key: 'k' });
    }
  });

  it('before anything was sent leaves a write certainly not applied, a batch too', async () => {
    const failing = (fail: () => unknown) => (_entries: unknown, _ttl: unknown, call: Call) => {
      call.sent = false;
      return fail();
    };
    const refused = new DriverError('UNAVAILABLE', 'no connection');
    for (const fail of [
      () => {
        throw refused;
      },
      () => Promise.reject(refused),
      () => Promise.reject(new TypeError('no')),
    ]) {
      const cache = createBackend(Object.assign(new MapDriver(), { setMany: failing(fail) as () => void }));
      for (const call of [
        cache.setValue('k', 1),
        cache.multiSetValues(
          new Map([
            ['a', 1],
            ['b', 2],
          ]),
        ),
      ]) {
        expect((await failureOf(call)).maybeApplied).toBe(false);
      }
    }
  });

  it('names the key of a batch of one, which a driver need not name', async () => {
    driver.setMany = () => {
      throw new DriverError('BACKEND', 'out of memory');
    };
    const inSpace = createBackend(driver, { namespace: 'ns' });
    expect((await failureOf(inSpace.multiSetValues([['a', 1]]))).key).toBe('a');
    const twice = [
      ['a', 1],
      ['a', 2],
    ] as const;
    expect((await failureOf(inSpace.multiSetValues(twice))).key).toBe('a');
    expect((await failureOf(inSpace.multiSetValues([...twice, ['b', 1]]))).key).toBeUndefined();
  });

  it('sets maybeApplied for a write unless it says "no", for a batch even then, and never for a read', async () => {
    const throwing = (applied: 'no' | 'maybe' | undefined) => () => {
      throw new DriverError('UNAVAILABLE', 'connection lost', { applied });
    };
    const methods = ['setMany', 'deleteMany', 'incr', 'get'];
    for (const [applied, maybeApplied] of [
      ['no', false],
      ['maybe', true],
      [undefined, true],
    ] as const) {
      for (const method of methods) Object.assign(driver, { [method]: throwing(applied) });
      for (const call of [backend.setValue('k', 1), backend.delete('k'), backend.incr('k')]) {
        expect(await failureOf(call)).toMatchObject({ code: 'UNAVAILABLE', maybeApplied, key: 'k' });
      }
      expect((await failureOf(backend.deleteMany(['k', 'l']))).maybeApplied).toBe(true);
      expect(await failureOf(backend.getValue('k'))).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: false });
    }
  });

  it('that is not a DriverError is BACKEND, maybe applied, with its name but not its message', async () => {
    driver.incr = () => {
      throw new TypeError('cannot read s3cret');
    };
    const failure = await failureOf(backend.incr('k'));
    expect(failure).toMatchObject({ code: 'BACKEND', maybeApplied: true, retryable: false });
    expect(inspect(failure, { depth: 9 })).not.toContain('s3cret');
    expect((failure.cause as Error).stack).toMatch(/^TypeError\n\s+at .*create-backend\.test\.ts/);
  });

  it('omits the key if keys are hidden', async () => {
    const cache = createBackend(driver, { errorKeys: 'hidden' });
    driver.entries.set('s3cret', null);
    for (const call of [cache.getValue('s3cret'), cache.incr('s3cret', 0.5), cache.setValue('s3cret', undefined)]) {
      expect(inspect(await failureOf(call), { depth: 9, showHidden: true })).not.toContain('s3cret');
    }
    expect(inspect(await failureOf(cache.getValue('s3cret\ud800')))).not.toContain('s3cret');
  });
});

describe('incr', () => {
  it('rejects UNSUPPORTED if the driver has no atomic increment, after its arguments were checked', async () => {
    const cache = createBackend(new MapDriver({ atomicIncr: false }));
    expect((await failureOf(cache.incr('k'))).code).toBe('UNSUPPORTED');
    expect((await failureOf(cache.incr('k', 0.5))).code).toBe('INVALID_DELTA');
  });

  it('takes undefined as 1, and neither passes on nor returns -0', async () => {
    const deltas: number[] = [];
    driver.incr = (_key, delta) => {
      deltas.push(delta);
      return -0;
    };
    expect(Object.is(await backend.incr('k', -0), 0)).toBe(true);
    await backend.incr('k', undefined);
    expect(deltas.map((delta) => Object.is(delta, -0))).toEqual([false, false]);
    expect(deltas).toEqual([0, 1]);
  });
});

describe('createBackend', () => {
  it('throws for invalid options', () => {
    const bad = [
      { name: '' },
      { name: 5 },
      { namespace: '' },
      { namespace: 'a:b' },
      { serializer: {} },
      { serializer: { serialize: String } },
      { serializer: null },
      { timeoutMs: 0 },
      { timeoutMs: Number.NaN },
      { timeoutMs: 2 ** 31 },
      { timeoutMs: '5' },
      { onUnreadable: 'ignore' },
      { errorKeys: false },
      { errorKeys: 'none' },
      null,
      'redis',
    ];
    for (const options of bad) {
      expect(() => createBackend(driver, options as never)).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTIONS', operation: 'create', backend: 'map' }),
      );
    }
    const named = () => createBackend(driver, { name: 'mine', timeoutMs: 0 });
    const message = '[mine] create: timeoutMs must be a number of milliseconds above 0 and below 2^31';
    expect(named).toThrow(expect.objectContaining({ backend: 'mine', message }));
    const url = (): unknown => createBackend(driver, 'redis://:s3cret@localhost' as never);
    expect(url).toThrow(expect.objectContaining({ message: '[map] create: options must be an object, not a string' }));
    for (const timeoutMs of [0.5, 2 ** 31 - 1]) createBackend(driver, { timeoutMs });
    const undefinedOptions = { name: undefined, namespace: undefined, serializer: undefined, timeoutMs: undefined };
    expect(createBackend(driver, { ...undefinedOptions, onUnreadable: undefined, errorKeys: undefined }).name).toBe(
      'map',
    );
  });

  it('does not call the driver, and does not modify the options', () => {
    const options = Object.freeze({ namespace: 'ns', timeoutMs: 5 });
    createBackend(driver, options);
    expect(driver.calls).toEqual([]);
  });

  it('shows neither driver nor options in inspect or JSON', () => {
    const secret = Object.assign(new MapDriver(), { password: 's3cret' });
    const cache = createBackend(secret, { namespace: 's3cret' });
    expect(inspect(cache, { depth: 9, showHidden: true }) + JSON.stringify(cache)).not.toContain('s3cret');
  });

  it('has frozen capabilities', () => {
    expect(backend.capabilities).toEqual(driver.capabilities);
    expect(Object.isFrozen(backend.capabilities)).toBe(true);
    expect(Object.isFrozen(driver.capabilities)).toBe(false);
  });

  it('rejects for bad input and never throws', () => {
    const call = backend.setValue('', undefined);
    expect(call).toBeInstanceOf(Promise);
    return expect(call).rejects.toMatchObject({ code: 'INVALID_KEY' });
  });

  it('stores large batches without a stack overflow', async () => {
    const keys = Array.from({ length: 200_000 }, (_, index) => `k${index}`);
    await backend.multiSetValues(keys.map((key, index): [string, Stored] => [key, index]));
    expect((await backend.multiGetValues(keys)).at(-1)).toBe(199_999);
    expect(await backend.deleteMany(keys)).toBe(200_000);
  });
});

function schemaOf(validate: (value: unknown) => unknown) {
  return { '~standard': { version: 1, vendor: 'test', validate } } as never;
}

/** A thenable that is no promise. */
function thenable(value: unknown): never {
  // biome-ignore lint/suspicious/noThenProperty: that is what a thenable is
  return { then: (resolve: (value: unknown) => void) => resolve(value) } as never;
}

function* throwingPairs(): Generator<[string, unknown]> {
  yield ['a', 1];
  throw new Error('s3cret');
}
