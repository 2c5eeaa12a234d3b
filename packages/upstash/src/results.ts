import { DriverError, type Found } from '@ninefold/core';

// What a command was answered, or what it was refused for.

function malformedResult(): DriverError {
  return new DriverError('BACKEND', 'the service sent a result of the wrong type');
}

/** Refused for its size, which may be that of the answer: fewer at once may do. */
export function isTooLarge(outcome: unknown): outcome is DriverError {
  return outcome instanceof DriverError && outcome.code === 'TOO_LARGE';
}

/** As many answers as there were questions in one command. */
export function expectList(result: unknown, length: number): readonly unknown[] {
  if (result instanceof DriverError) throw result;
  if (!Array.isArray(result) || result.length !== length) throw malformedResult();
  return result;
}

/** A value as it is stored, or a miss. */
export function expectFound(result: unknown): Found {
  if (result === null) return undefined;
  if (typeof result === 'string') return result;
  throw result instanceof DriverError ? result : malformedResult();
}

export function expectInteger(result: unknown): number {
  if (Number.isSafeInteger(result)) return result as number;
  throw result instanceof DriverError ? result : malformedResult();
}

/** How many there are of so many. */
export function expectCount(result: unknown, most: number): number {
  const count = expectInteger(result);
  if (count < 0 || count > most) throw malformedResult();
  return count;
}

export function expectText(result: unknown, text: string): void {
  if (result !== text) throw result instanceof DriverError ? result : malformedResult();
}
