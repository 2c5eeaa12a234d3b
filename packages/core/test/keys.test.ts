import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { invalidKey, isNamespace, utf8Bytes } from '../src/keys.ts';

describe('a key', () => {
  it('is any non-empty well-formed string of at most 8,192 UTF-8 bytes', () => {
    const legal = [
      ' ',
      '\0',
      '\r\n',
      '😀',
      '__proto__',
      '*',
      '{}',
      'k'.repeat(8192),
      'é'.repeat(4096),
      '€'.repeat(2730),
    ];
    for (const key of [...legal, '😀'.repeat(2048)]) expect(invalidKey(key)).toBeUndefined();
  });

  it('is refused with a reason that does not quote it', () => {
    expect(invalidKey('')).toBe('a key must not be empty');
    expect(invalidKey('\ud800')).toBe('a key must have no lone surrogates');
    expect(invalidKey('a\udc00b')).toBe('a key must have no lone surrogates');
    const long = ['k'.repeat(8193), 'é'.repeat(4097), '€'.repeat(2731), `${'😀'.repeat(2048)}k`, 'k'.repeat(1e6)];
    for (const key of long) expect(invalidKey(key)).toBe('a key must have at most 8,192 UTF-8 bytes');
  });

  it('is a primitive string and nothing that can be turned into one', () => {
    const things: [unknown, string][] = [
      [undefined, 'undefined'],
      [null, 'null'],
      [5, 'a number'],
      [['k'], 'an array'],
      [{ toString: () => 'k' }, 'an object'],
      [new String('k'), 'an object'],
      [Symbol('k'), 'a symbol'],
      [() => 'k', 'a function'],
      [1n, 'a bigint'],
    ];
    for (const [thing, kind] of things) expect(invalidKey(thing)).toBe(`a key must be a string, not ${kind}`);
  });

  it('is measured as the UTF-8 encoder would', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => utf8Bytes(text) === new TextEncoder().encode(text).length),
    );
    const parts = ['k', 'é', '€', '😀'].map((character) => character.repeat(5000));
    expect(parts.map((_, index) => utf8Bytes(parts.slice(index).join('')))).toEqual([50_000, 45_000, 35_000, 20_000]);
  });
});

describe('a namespace', () => {
  it('is 1 to 64 letters, digits, underscores, dots and hyphens', () => {
    for (const namespace of ['a', 'A-z_0.9', 'n'.repeat(64)]) expect(isNamespace(namespace)).toBe(true);
    for (const namespace of ['', 'n'.repeat(65), 'a:b', 'a b', 'é', 'a\n', 5, null, undefined, ['a']]) {
      expect(isNamespace(namespace)).toBe(false);
    }
  });
});
