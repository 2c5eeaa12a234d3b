import { describe, expect, it } from 'vitest';
import { LargeKeys } from '../src/large-keys.ts';

describe('LargeKeys', () => {
  const large = 'x'.repeat(100_001);

  it('remembers a key with a large value until the value is small or absent', () => {
    const keys = new LargeKeys();
    keys.weigh('a', large);
    keys.weigh('b', 'x'.repeat(100_000));
    expect([keys.has('a'), keys.has('b')]).toEqual([true, false]);
    keys.weigh('a', undefined);
    expect(keys.has('a')).toBe(false);
  });

  it('remembers the last thousand', () => {
    const keys = new LargeKeys();
    for (let index = 0; index < 1000; index++) keys.weigh(`k${index}`, large);
    keys.weigh('k0', large);
    keys.weigh('k1000', large);
    expect(['k0', 'k1', 'k2', 'k1000'].map((key) => keys.has(key))).toEqual([true, false, true, true]);
  });
});
