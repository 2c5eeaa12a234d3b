import { DriverError, type Found } from '@ninefold/core';

// What a command was answered, or what it was refused for.

function misfit(): DriverError {
  return new DriverError('BACKEND', 'the answer is not of the shape that the command has');
}

/** Refused for its size, which may be that of the answer: fewer at once may do. */
export function isTooLarge(answer: unknown): answer is DriverError {
  return answer instanceof DriverError && answer.code === 'TOO_LARGE';
}

/** As many answers as there were questions in one command. */
export function list(answer: unknown, length: number): readonly unknown[] {
  if (answer instanceof DriverError) throw answer;
  if (!Array.isArray(answer) || answer.length !== length) throw misfit();
  return answer;
}

/** A value as it is stored, or a miss. */
export function found(answer: unknown): Found {
  if (answer === null) return undefined;
  if (typeof answer === 'string') return answer;
  throw answer instanceof DriverError ? answer : misfit();
}

export function expectInteger(answer: unknown): number {
  if (Number.isSafeInteger(answer)) return answer as number;
  throw answer instanceof DriverError ? answer : misfit();
}

/** How many there are of so many. */
export function expectCount(answer: unknown, most: number): number {
  const count = expectInteger(answer);
  if (count < 0 || count > most) throw misfit();
  return count;
}

export function expectText(answer: unknown, text: string): void {
  if (answer !== text) throw answer instanceof DriverError ? answer : misfit();
}
