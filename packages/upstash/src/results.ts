import { DriverError, type Found } from '@ninefold/core';

// The result of one command: what the service returned for it, or the `DriverError` of a refused command.

export function malformedResult(): DriverError {
  return new DriverError('BACKEND', 'the service sent a result of the wrong type');
}

/** Refused for the size of the request or the response: a smaller request may succeed. */
export function isTooLarge(outcome: unknown): outcome is DriverError {
  return outcome instanceof DriverError && outcome.code === 'TOO_LARGE';
}

/** A list of `length` results. */
export function expectList(result: unknown, length: number): readonly unknown[] {
  if (result instanceof DriverError) throw result;
  if (!Array.isArray(result) || result.length !== length) throw malformedResult();
  return result;
}

/** A stored value, or a miss. */
export function expectFound(result: unknown): Found {
  if (result === null) return undefined;
  if (typeof result === 'string') return result;
  throw result instanceof DriverError ? result : malformedResult();
}

export function expectInteger(result: unknown): number {
  if (Number.isSafeInteger(result)) return result as number;
  throw result instanceof DriverError ? result : malformedResult();
}

/** A count from 0 to `most`. */
export function expectCount(result: unknown, most: number): number {
  const count = expectInteger(result);
  if (count < 0 || count > most) throw malformedResult();
  return count;
}

export function expectOk(result: unknown): void {
  if (result !== 'OK') throw result instanceof DriverError ? result : malformedResult();
}
