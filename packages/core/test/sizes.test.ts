import { describe, expect, it } from 'vitest';
import { assertSizes, isDriverError } from '../src/index.ts';

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
