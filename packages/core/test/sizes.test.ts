import { describe, expect, it } from 'vitest';
import { assertSizes, isDriverError, LargeKeys } from '../src/index.ts';

function refusalOf(value: string | number, maxBytes: number | undefined) {
  const call = { sent: true };
  try {
    assertSizes([['first', 1] as const, ['k', value] as const], maxBytes, call);
  } catch (error) {
    if (!isDriverError(error)) throw error;
    return { code: error.code, key: error.options.key, applied: error.options.applied, sent: call.sent };
  }
  return undefined;
}

describe('assertSizes', () => {
  const refusal = { code: 'TOO_LARGE', key: 'k', applied: 'no', sent: false };

  it('takes what has as many UTF-8 bytes as allowed, and refuses one more', () => {
    expect(refusalOf('x'.repeat(10), 10)).toBeUndefined();
    expect(refusalOf('x'.repeat(11), 10)).toEqual(refusal);
    expect(refusalOf('€€€', 9)).toBeUndefined();
    expect(refusalOf('€€€x', 9)).toEqual(refusal);
    expect(refusalOf('😀😀x', 9)).toBeUndefined();
    expect(refusalOf('😀😀xx', 9)).toEqual(refusal);
  });

  it('takes every integer, and everything where there is no limit', () => {
    expect(refusalOf(Number.MAX_SAFE_INTEGER, 1)).toBeUndefined();
    expect(refusalOf('x'.repeat(1000), undefined)).toBeUndefined();
  });
});

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
