import { type CacheError, type CacheErrorCode, isCacheError, raise } from '@ninefold/core';
import { callerKeyOf } from './failure.ts';

/** The calls of a cache, and what goes on beneath them: loads, waits for another's load, failures that no caller sees. */
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

/** One call, load or wait, after it has settled; of the shape of the events of `observed`. */
export interface CacheEvent {
  /** The backend's name. */
  readonly backend: string;
  readonly operation: CacheOperation;
  /** How many keys it was about. */
  readonly keys: number;
  /** Of reads: how many keys were found in the cache; the rest were missing, and loaded if the call loads. */
  readonly hits: number | undefined;
  /** By the clock of the cache, from the beginning to the end. */
  readonly durationMs: number;
  /** What it rejected with; of a `failure`, what the backend said. `undefined` if it succeeded. */
  readonly error: unknown;
}

export type CacheListener = (event: CacheEvent) => void;

/** A call under way. */
export interface Tally {
  readonly operation: CacheOperation;
  /** How many of its keys were hits; counted as they are found. */
  hits: number;
}

const READS: ReadonlySet<CacheOperation> = new Set(['get', 'getMany', 'has', 'getOrSet', 'getOrSetMany'] as const);
/** The caller's own mistakes and a closed backend stay errors. */
const SERVER_FAILED: ReadonlySet<CacheErrorCode> = new Set(['TIMEOUT', 'UNAVAILABLE', 'AUTH', 'BACKEND'] as const);

export interface EventsOptions {
  readonly backend: string;
  readonly now: () => number;
  readonly listener: CacheListener | undefined;
  readonly onError: ((error: CacheError) => void) | undefined;
}

/** Tells what happens. What a listener throws is raised as an uncaught error and leaves the call alone. */
export class Events {
  readonly #options: EventsOptions;

  constructor(options: EventsOptions) {
    this.#options = options;
  }

  /** Runs something, whose throwing is a rejection, and tells of it once it has settled; nothing is measured when no one listens. */
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

  /** A failure as the caller of `tally` is told of it. */
  forCaller(error: unknown, { operation }: Tally, calledKey?: () => string | undefined): unknown {
    if (!isCacheError(error)) return error;
    return error.with({ backend: this.#options.backend, operation, key: callerKeyOf(error, calledKey) });
  }

  /** Tells of a failure that no caller will see, because the cache goes on without the backend. */
  report(failure: unknown, calledKey?: () => string | undefined): void {
    const { onError, now } = this.#options;
    const error = isCacheError(failure) ? failure.with({ key: callerKeyOf(failure, calledKey) }) : failure;
    if (onError !== undefined && isCacheError(error)) raise(() => onError(error));
    this.#emit('failure', 1, undefined, now(), error);
  }

  /** Goes on where the backend failed; anything else is thrown again, as the caller is told of it. */
  tolerate(error: unknown, tally: Tally, calledKey: () => string | undefined): void {
    if (!isCacheError(error) || !SERVER_FAILED.has(error.code)) throw this.forCaller(error, tally, calledKey);
    this.report(error, calledKey);
  }

  #emit(operation: CacheOperation, keys: number, hits: number | undefined, start: number, error: unknown): void {
    const { backend, listener, now } = this.#options;
    if (listener === undefined) return;
    raise(() => listener({ backend, operation, keys, hits, durationMs: now() - start, error }));
  }
}
