import type { Capabilities } from './backend.ts';
import type { CacheErrorCode, CauseOptions } from './errors.ts';

declare global {
  // Merges with the declaration of DOM or Node; without either, these types still compile.
  interface AbortSignal {}
}

/** What a driver stores: serialised text, or a safe integer. The driver chooses how its server represents integers. */
export type Stored = string | number;

/** The result of a read: `undefined` is a miss, `null` an entry that no driver of this kind wrote (it is `CORRUPT`). */
export type Found = Stored | null | undefined;

export type Awaitable<T> = T | PromiseLike<T>;

/** The deadline and state of one call. */
export interface Call {
  /** When the call times out: milliseconds on the clock of `performance.now()`; `Infinity` without `timeoutMs`. */
  readonly deadline: number;
  /** Whether the call has settled. Once it has, nothing more may be sent for it. */
  readonly ended: boolean;
  /** Aborts when the call times out or the backend closes, not when the call succeeds. Created on first access. */
  readonly signal: AbortSignal;
  /**
   * Whether any byte of the request may have been sent. Initially `true`, the safe assumption. A driver that queues
   * requests sets it to `false` first, and to `true` before it writes the first byte.
   */
  sent: boolean;
}

/**
 * The interface that an adapter implements. Keys arrive validated and in their stored form, TTLs arrive validated,
 * values are text or integers. Core handles `close`, deadlines, the one retry of a lost read, and the wrapping of
 * errors.
 *
 * A method may return its result or a promise. A failure is a `DriverError`; any other error becomes `BACKEND`. A
 * failing batch waits for all its parts, then rejects with the first failure in input order and the key of that
 * failure; `setMany` may leave the key out if there is only one entry.
 */
export interface CacheDriver {
  readonly name: string;
  readonly capabilities: Capabilities;
  get(key: string, call: Call): Awaitable<Found>;
  /** At least one key, possibly duplicates. Returns one value per key, in the order of the keys. */
  getMany(keys: readonly string[], call: Call): Awaitable<readonly Found[]>;
  /** At least one entry, keys distinct. `ttl` is in seconds; the driver rounds it up to the server's step. */
  setMany(
    entries: readonly (readonly [key: string, value: Stored])[],
    ttl: number | undefined,
    call: Call,
  ): Awaitable<void>;
  exists(key: string, call: Call): Awaitable<boolean>;
  /** At least one key, all distinct. Returns the number of entries removed. */
  deleteMany(keys: readonly string[], call: Call): Awaitable<number>;
  /** Adds to a stored integer; a missing key counts as 0. `ttl` applies only if this call creates the key. */
  incr(key: string, delta: number, ttl: number | undefined, call: Call): Awaitable<number>;
  /** Called once, after all calls in flight have settled. */
  close(): Awaitable<void>;
}

export interface DriverErrorOptions {
  /** `no`: certainly not applied, and never will be. Default: `maybe`. */
  readonly applied?: 'no' | 'maybe' | undefined;
  /** Whether the connection was lost during the call, so that core may retry a read once. */
  readonly connectionLost?: boolean | undefined;
  /** For a batch: the key that failed, in the form that the driver received. */
  readonly key?: string | undefined;
  /** For `BACKEND`: whether the same call may succeed later without any intervention. */
  readonly retryable?: boolean | undefined;
  /** The parts of the client's or server's error that are safe to show. */
  readonly cause?: CauseOptions | undefined;
}

const BRAND = Symbol.for('ninefold.DriverError');

/** The error that a driver throws. The message must not quote a value or a secret, and need not name the key. */
export class DriverError extends Error {
  readonly code: CacheErrorCode;
  readonly options: DriverErrorOptions;

  constructor(code: CacheErrorCode, message: string, options: DriverErrorOptions = {}) {
    super(message);
    Object.defineProperty(this, BRAND, { value: true });
    this.code = code;
    this.options = options;
  }

  override get name(): string {
    return 'DriverError';
  }
}

/** Recognises a `DriverError` made by any copy of this package. */
export function isDriverError(error: unknown): error is DriverError {
  return (error as { [BRAND]?: unknown } | null | undefined)?.[BRAND] === true;
}
