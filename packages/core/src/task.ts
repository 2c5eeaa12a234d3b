import type { Operation } from './backend.ts';
import { isDriverError } from './driver.ts';
import { CacheError, type CacheErrorCode, type CacheErrorOptions, causeOf, createCause } from './errors.ts';

/** What the errors of one backend have in common. */
export interface Origin {
  readonly name: string;
  /** What stands before the caller's keys where they are stored. */
  readonly prefix: string;
  readonly hidesKeys: boolean;
}

type Details = Partial<Pick<CacheErrorOptions, 'key' | 'retryable' | 'maybeApplied' | 'issues' | 'cause'>>;

/** One call of an operation, as its errors tell of it. */
export interface Task {
  readonly origin: Origin;
  readonly operation: Operation;
  readonly kind: 'read' | 'write' | 'batch write';
  /** Of a single-key operation or a batch of one, as the caller gave it. */
  key?: string | undefined;
}

export function errorOf(task: Task, code: CacheErrorCode, reason: string, details: Details = {}): CacheError {
  const { name: backend, hidesKeys } = task.origin;
  const given = details.key ?? task.key;
  // What was given for a key may be none.
  const key = hidesKeys || typeof given !== 'string' ? undefined : given;
  return new CacheError({ ...details, code, backend, operation: task.operation, reason, key });
}

/** The error for what a driver threw; `sent`: some of the request may have left. */
export function failureOf(task: Task, error: unknown, sent: boolean): CacheError {
  const maybeApplied = task.kind !== 'read' && sent;
  if (!isDriverError(error)) {
    const cause = causeOf(error);
    return errorOf(task, 'BACKEND', `the driver threw ${cause.name}`, { cause, maybeApplied });
  }
  const { applied, key, retryable, cause } = error.options;
  return errorOf(task, error.code, error.message, {
    // Of a batch, other items may have been applied, whatever became of this one.
    maybeApplied: maybeApplied && (task.kind === 'batch write' || applied !== 'no'),
    key: key?.slice(task.origin.prefix.length),
    retryable,
    cause: cause === undefined ? undefined : createCause(cause),
  });
}
