import { type CacheError, type CacheErrorCode, isCacheError, raise } from '@ninefold/core';
import { callerKeyOf } from './failure.ts';

/** The calls of a cache, and what they cause: loads, waits for another's load, and failures that no caller sees. */
export type CacheOperation =
  | 'get'
  | 'set'
  | 'getMany'
  | 'setMany'
  | 'has'
  | 'delete'
  | 'deleteMany'
  | 'incr'
  | 'getOrSet'
  | 'getOrSetMany'
  | 'invalidateTags'
  | 'clear'
  | 'close'
  | 'load'
  | 'wait'
  | 'failure';

/** One call, load, wait or failure, once it has settled, in the shape of the events of core's `observed`. */
export interface CacheEvent {
  /** The backend's name. */
  readonly backend: string;
  readonly operation: CacheOperation;
  /** The number of keys. */
  readonly keys: number;
  /** How many keys a read found; the rest were missing. `undefined` for other operations and for failed reads. */
  readonly hits: number | undefined;
  /** From beginning to end, by the cache's clock. */
  readonly durationMs: number;
  /** The error that it rejected with, or that the backend gave (`failure`). `undefined` if it succeeded. */
  readonly error: unknown;
}

export type CacheListener = (event: CacheEvent) => void;

/** The operation of a running call, and a count of its hits. */
export interface Tally {
  readonly operation: CacheOperation;
  /** Counted as they are found. */
  hits: number;
}

const READS: ReadonlySet<CacheOperation> = new Set(['get', 'getMany', 'has', 'getOrSet', 'getOrSetMany'] as const);
/** Codes that a call can tolerate. The caller's own mistakes and a closed backend stay errors. */
const SERVER_FAILED: ReadonlySet<CacheErrorCode> = new Set(['TIMEOUT', 'UNAVAILABLE', 'AUTH', 'BACKEND'] as const);

export interface EventsOptions {
  readonly backend: string;
  readonly now: () => number;
  readonly errorKeys: 'shown' | 'hidden';
  readonly listener: CacheListener | undefined;
  readonly onError: ((error: CacheError) => void) | undefined;
}

/** Reports to `listener` and `onError`. Their exceptions are raised as uncaught errors and leave the call alone. */
export class Events {
  readonly #options: EventsOptions;

  constructor(options: EventsOptions) {
    this.#options = options;
  }

  /** Runs a call and emits its event. A throw becomes a rejection. Without a listener nothing is measured. */
  track<T>(operation: CacheOperation, keys: number, run: (tally: Tally) => Promise<T>): Promise<T> {
    const tally: Tally = { operation, hits: 0 };
    return this.#options.listener === undefined ? this.#run(tally, run) : this.#observe(tally, keys, run);
  }

  #run<T>(tally: Tally, run: (tally: Tally) => Promise<T>): Promise<T> {
    try {
      return run(tally);
    } catch (error) {
      return Promise.reject(this.forCaller(error, tally));
    }
  }

  async #observe<T>(tally: Tally, keys: number, run: (tally: Tally) => Promise<T>): Promise<T> {
    const start = this.#options.now();
    const { operation } = tally;
    try {
      const result = await this.#run(tally, run);
      this.#emit(operation, keys, READS.has(operation) ? tally.hits : undefined, start, undefined);
      return result;
    } catch (error) {
      this.#emit(operation, keys, undefined, start, error);
      throw error;
    }
  }

  /** A failure with the operation and the key of the caller. */
  forCaller(error: unknown, { operation }: Tally, keyOfCall?: () => string | undefined): unknown {
    if (!isCacheError(error)) return error;
    return error.with({
      backend: this.#options.backend,
      operation,
      key: this.keyForError(callerKeyOf(error, keyOfCall)),
    });
  }

  /** The key for an error to name: none if errors hide keys. */
  keyForError(key: string | undefined): string | undefined {
    return this.#options.errorKeys === 'hidden' ? undefined : key;
  }

  /** Reports a failure that no caller will see, because the cache goes on without the backend. */
  report(failure: unknown, keyOfCall?: () => string | undefined): void {
    const { onError, now } = this.#options;
    const error = isCacheError(failure)
      ? failure.with({ key: this.keyForError(callerKeyOf(failure, keyOfCall)) })
      : failure;
    if (onError !== undefined && isCacheError(error)) raise(() => onError(error));
    this.#emit('failure', 1, undefined, now(), error);
  }

  /** Reports a failure of the server, so that the call can go on. Throws any other, in the caller's terms. */
  tolerate(error: unknown, tally: Tally, keyOfCall: () => string | undefined): void {
    if (!isCacheError(error) || !SERVER_FAILED.has(error.code)) throw this.forCaller(error, tally, keyOfCall);
    this.report(error, keyOfCall);
  }

  #emit(operation: CacheOperation, keys: number, hits: number | undefined, start: number, error: unknown): void {
    const { backend, listener, now } = this.#options;
    if (listener === undefined) return;
    raise(() => listener({ backend, operation, keys, hits, durationMs: now() - start, error }));
  }
}
