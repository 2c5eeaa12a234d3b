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
export class Task {
  readonly origin: Origin;
  readonly operation: Operation;
  readonly kind: 'read' | 'write' | 'batch write';
  /** Of a single-key operation or a batch of one, as the caller gave it. */
  key: string | undefined;

  constructor(origin: Origin, operation: Operation, kind: Task['kind'], key?: string) {
    this.origin = origin;
    this.operation = operation;
    this.kind = kind;
    this.key = key;
  }

  error(code: CacheErrorCode, reason: string, details: Details = {}): CacheError {
    const { name: backend, hidesKeys } = this.origin;
    const given = details.key ?? this.key;
    // What was given for a key may be none.
    const key = hidesKeys || typeof given !== 'string' ? undefined : given;
    return new CacheError({ ...details, code, backend, operation: this.operation, reason, key });
  }

  /** The error for what a driver threw; `sent`: some of the request may have left. */
  failed(error: unknown, sent: boolean): CacheError {
    const maybeApplied = this.kind !== 'read' && sent;
    if (!isDriverError(error)) {
      const cause = causeOf(error);
      return this.error('BACKEND', `the driver threw ${cause.name}`, { cause, maybeApplied });
    }
    const { applied, key, retryable, cause } = error.options;
    return this.error(error.code, error.message, {
      // Of a batch, other items may have been applied, whatever became of this one.
      maybeApplied: maybeApplied && (this.kind === 'batch write' || applied !== 'no'),
      key: key?.slice(this.origin.prefix.length),
      retryable,
      cause: cause === undefined ? undefined : createCause(cause),
    });
  }
}
