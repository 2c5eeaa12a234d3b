import { inspect } from 'node:util';
import { isCacheError } from '@ninefold/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeKey as encode, type Key, type KeyPart } from '../src/key.ts';

describe('a key', () => {
  it('is readable in the server if it is simple', () => {
    expect(encode('user:1')).toBe('user:1');
    expect(encode(['user', 1, 'orders'])).toBe('user,1,orders');
  });

  it('of one string is that string', () => {
    expect(encode(['user'])).toBe(encode('user'));
  });

  const pairs: readonly (readonly [Key, Key])[] = [
    [['a', 'b'], 'a,b'],
    [['a', 'b'], ['a,b']],
    [
      ['n', 1],
      ['n', '1'],
    ],
    [
      ['n', 1n],
      ['n', '1n'],
    ],
    [
      ['n', 1n],
      ['n', 1],
    ],
    [
      ['n', true],
      ['n', 'true'],
    ],
    [
      ['n', null],
      ['n', undefined],
    ],
    [['n', null], ['n']],
    [
      ['n', 0],
      ['n', -0],
    ],
    [
      ['n', ['a', 'b']],
      ['n', 'a', 'b'],
    ],
    [
      ['n', []],
      ['n', ''],
    ],
    [
      ['n', { a: 1 }],
      ['n', '{a=1}'],
    ],
    [
      ['n', { a: 1, b: 2 }],
      ['n', { a: '1,b=2' }],
    ],
    [
      ['n', { 'a=1,b': 2 }],
      ['n', { a: 1, b: 2 }],
    ],
    [
      ['n', { 'a=b': 1 }],
      ['n', { a: 'b=1' }],
    ],
    [
      ['n', '"'],
      ['n', '\\"'],
    ],
  ];
  it.each(pairs.map(([one, other]) => ({ texts: `${inspect(one)} is not ${inspect(other)}`, one, other })))(
    '$texts',
    ({ one, other }) => {
      expect(encode(one)).not.toBe(encode(other));
    },
  );

  it('takes the properties of an object in any order', () => {
    expect(encode(['n', { a: 1, b: [2] }])).toBe(encode(['n', { b: [2], a: 1 }]));
  });

  it('is well-formed text, and equal for no two keys that differ', () => {
    const { part } = fc.letrec<{ part: KeyPart }>((tie) => ({
      part: fc.oneof(
        { maxDepth: 3 },
        fc.string({ unit: 'binary' }),
        fc.constantFrom('\ud800', ',', '=', '[', ']', '{', '}', '"', '\\', '1', 'NaN'),
        fc.integer(),
        fc.double(),
        fc.bigInt(),
        fc.constantFrom<KeyPart>(null, undefined, true, false),
        fc.array(tie('part'), { maxLength: 3 }),
        fc.dictionary(fc.string(), tie('part'), { maxKeys: 3 }),
      ),
    }));
    const key = fc.array(part, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(key, key, (one, other) => {
        expect(encode(one).isWellFormed()).toBe(true);
        expect(encode(one) === encode(other)).toBe(same(one, other));
      }),
      { numRuns: 500 },
    );
  });

  it.each<[string, unknown]>([
    ['an empty string', ''],
    ['an empty array', []],
    ['a number', 5],
    ['undefined', undefined],
    ['a function among its parts', ['a', () => 1]],
    ['a date among its parts', ['a', new Date(0)]],
    ['a symbol among its parts', ['a', Symbol('s')]],
    ['parts that hold themselves', cyclic()],
    ['an object that holds itself', [cyclicObject()]],
  ])('is not %s', (_what, key) => {
    expect(() => encode(key as Key)).toThrow(
      expect.toSatisfy((error) => isCacheError(error) && error.code === 'INVALID_KEY'),
    );
  });
});

it.each<[string, unknown]>([
  ['a Date', new Date(0)],
  ['a Map', new Map()],
  ['a function', () => 1],
  ['a symbol', Symbol('s')],
  ['a class instance', Object.create(Object.create({ constructor: undefined }))],
  ['a class instance', Object.create(Object.create({ constructor: { name: 'not a name' } }))],
])('a key with %s is refused by that name', (what, part) => {
  const reason = `a part of a key must be plain data, not ${what}`;
  expect(() => encode(['a', { b: [part] }] as Key)).toThrow(
    expect.objectContaining({ message: expect.stringMatching(RegExp(`${reason}$`)) }),
  );
});

function cyclic(): unknown {
  const list: unknown[] = [];
  list.push(list);
  return list;
}

function cyclicObject(): unknown {
  const own: { own?: unknown } = {};
  own.own = own;
  return own;
}

/** Equality of parts of keys: numbers by `Object.is`, objects in any order of properties. */
function same(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((part, index) => same(part, other[index]));
  }
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) {
    return Object.is(one, other);
  }
  if (Array.isArray(one) || Array.isArray(other)) return false;
  const [names, others] = [Object.keys(one), Object.keys(other)];
  return (
    names.length === others.length &&
    names.every((name) => Object.hasOwn(other, name) && same(one[name as never], other[name as never]))
  );
}
