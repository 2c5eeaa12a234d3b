import type { Operation } from './backend.ts';
import { type DriverError, isDriverError } from './driver.ts';
import { CacheError, type CacheErrorCode, type CacheErrorOptions, causeOf, createCause } from './errors.ts';

/** What a call is, for its errors. */
export interface Task {
  readonly operation: Operation;
  readonly kind: 'read' | 'write' | 'batch write';
  /** Of a single-key operation or a batch of one, as the caller gave it. */
  key?: string | undefined;
}

type Details = Partial<Pick<CacheErrorOptions, 'key' | 'retryable' | 'maybeApplied' | 'issues' | 'cause'>>;

/** Makes one backend's errors. */
export class Failures {
  readonly #backend: string;
  /** What stands before the caller's keys where they are stored. */
  readonly prefix: string;
  readonly #hideKeys: boolean;

  constructor(backend: string, prefix: string, hideKeys: boolean) {
    this.#backend = backend;
    this.prefix = prefix;
    this.#hideKeys = hideKeys;
  }

  make(code: CacheErrorCode, task: Task, reason: string, details: Details = {}): CacheError {
    const given = details.key ?? task.key;
    // What was given for a key may be none.
    const key = this.#hideKeys || typeof given !== 'string' ? undefined : given;
    return new CacheError({ ...details, code, backend: this.#backend, operation: task.operation, reason, key });
  }

  /** What a driver threw; `sent`: some of the request may have left. */
  from(error: unknown, task: Task, sent: boolean): CacheError {
    if (isDriverError(error)) return this.#fromDriver(error, task, sent);
    const cause = causeOf(error);
    const maybeApplied = task.kind !== 'read' && sent;
    return this.make('BACKEND', task, `the driver threw ${cause.name}`, { cause, maybeApplied });
  }

  #fromDriver(error: DriverError, task: Task, sent: boolean): CacheError {
    const { applied, key, retryable, cause } = error.options;
    return this.make(error.code, task, error.message, {
      // Of a batch, other items may have been applied, whatever became of this one.
      maybeApplied: task.kind !== 'read' && sent && (task.kind === 'batch write' || applied !== 'no'),
      key: key?.slice(this.prefix.length),
      retryable,
      cause: cause === undefined ? undefined : createCause(cause),
    });
  }
}
