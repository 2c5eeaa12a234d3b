import type { Operation } from './backend.ts';
import { isDriverError } from './driver.ts';
import { CacheError, type CacheErrorCode, type CacheErrorOptions, causeOf, createCause } from './errors.ts';

/** The properties of a backend that its errors depend on. */
export interface Origin {
  readonly name: string;
  /** The prefix of stored keys, which errors omit. */
  readonly prefix: string;
  readonly hidesKeys: boolean;
}

type Details = Partial<Pick<CacheErrorOptions, 'key' | 'retryable' | 'maybeApplied' | 'issues' | 'cause'>>;

/** One call of an operation, with the facts that its errors report. */
export interface Task {
  readonly origin: Origin;
  readonly operation: Operation;
  readonly kind: 'read' | 'write' | 'batch write';
  /** The caller's key, for a single-key operation or a batch of one. */
  key?: string | undefined;
}

export function errorOf(task: Task, code: CacheErrorCode, reason: string, details: Details = {}): CacheError {
  const { name: backend, hidesKeys } = task.origin;
  const given = details.key ?? task.key;
  // The caller may have passed something other than a string.
  const key = hidesKeys || typeof given !== 'string' ? undefined : given;
  return new CacheError({ ...details, code, backend, operation: task.operation, reason, key });
}

/** The error for whatever a driver threw. `sent`: whether any byte of the request may have been sent. */
export function failureOf(task: Task, error: unknown, sent: boolean): CacheError {
  const maybeApplied = task.kind !== 'read' && sent;
  if (!isDriverError(error)) {
    const cause = causeOf(error);
    return errorOf(task, 'BACKEND', `the driver threw ${cause.name}`, { cause, maybeApplied });
  }
  const { applied, key, retryable, cause } = error.options;
  return errorOf(task, error.code, error.message, {
    // Other items of a batch may have been applied, even if this one was not.
    maybeApplied: maybeApplied && (task.kind === 'batch write' || applied !== 'no'),
    key: key?.slice(task.origin.prefix.length),
    retryable,
    cause: cause === undefined ? undefined : createCause(cause),
  });
}
