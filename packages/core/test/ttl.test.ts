import { describe, expect, it } from 'vitest';
import { invalidTtl } from '../src/ttl.ts';

describe('a TTL', () => {
  it('is undefined or a number of seconds above 0 and at most 1,000,000,000', () => {
    for (const ttl of [undefined, 5e-324, 0.0001, 0.4, 1, 1.5, 2_592_000, 2_592_001, 315_360_000, 1_000_000_000]) {
      expect(invalidTtl(ttl)).toBeUndefined();
    }
  });

  it('is refused with a reason when it is anything else', () => {
    for (const ttl of [0, -0, -1, -1e-9]) expect(invalidTtl(ttl)).toMatch(/above 0 seconds/);
    for (const ttl of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(invalidTtl(ttl)).toMatch(/finite/);
    }
    for (const ttl of ['5', null, true, {}, [], 5n, new Date()]) expect(invalidTtl(ttl)).toMatch(/a number of seconds/);
    for (const ttl of [1_000_000_000.1, 1e10, Number.MAX_VALUE]) expect(invalidTtl(ttl)).toMatch(/at most/);
  });
});
