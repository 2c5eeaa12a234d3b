import type { Capabilities } from './backend.ts';
import type { CacheErrorCode, CauseOptions } from './errors.ts';

declare global {
  // Merges with DOM's or Node's own; lets these types compile for a consumer that has neither.
  interface AbortSignal {}
}

/** What a driver stores: serialised text, or a safe integer. How integers lie in its server is the driver's choice. */
export type Stored = string | number;

/** What a driver finds: `undefined` is a miss, `null` an entry that no driver of this kind wrote (it reads as `CORRUPT`). */
export type Found = Stored | null | undefined;

export type Awaitable<T> = T | PromiseLike<T>;

/** One call's time and fate. */
export interface Call {
  /** When the call is given up: milliseconds on the clock of `performance.now()`. */
  readonly deadline: number;
  /** The caller has its answer or its error: nothing more may be sent for this call. */
  readonly ended: boolean;
  /** Aborts when the call is given up, not when it succeeds. Made when first asked for. */
  readonly signal: AbortSignal;
  /**
   * Whether any of the request may have left. `true` at the start, the safe assumption. A driver that holds requests
   * back sets it to `false` first, and to `true` when it hands the first byte over.
   */
  sent: boolean;
}

/**
 * What an adapter's author writes. Keys arrive checked and as they are to be stored, TTLs are checked, values are text
 * or integers. Closing, deadlines, the one retry of a lost read, and the wrapping of errors are not a driver's business.
 *
 * A method may return its result or a promise. A failure is a `DriverError`; anything else thrown becomes `BACKEND`.
 * A batch that fails waits for all its parts, then fails with the first failure in input order and its key, which
 * `setMany` may leave out where there is one entry.
 */
export interface CacheDriver {
  readonly name: string;
  readonly capabilities: Capabilities;
  get(key: string, call: Call): Awaitable<Found>;
  /** At least one key; duplicates possible. Found values in the order of the keys. */
  getMany(keys: readonly string[], call: Call): Awaitable<readonly Found[]>;
  /** At least one entry, keys distinct. `ttl` in seconds, to be rounded up to the server's step. */
  setMany(
    entries: readonly (readonly [key: string, value: Stored])[],
    ttl: number | undefined,
    call: Call,
  ): Awaitable<void>;
  exists(key: string, call: Call): Awaitable<boolean>;
  /** At least one key, distinct. How many there were and are no more. */
  deleteMany(keys: readonly string[], call: Call): Awaitable<number>;
  /** Adds to what is stored as an integer, missing counts as 0. `ttl` applies only if this creates the key. */
  incr(key: string, delta: number, ttl: number | undefined, call: Call): Awaitable<number>;
  /** Called once, after the calls in flight have ended. */
  close(): Awaitable<void>;
}

export interface DriverErrorOptions {
  /** `no`: certainly not applied, now or later. Default: `maybe`. */
  readonly applied?: 'no' | 'maybe' | undefined;
  /** The connection broke under the call, so that a read may be asked once more. */
  readonly connectionLost?: boolean | undefined;
  /** Of a batch: the key that failed, as the driver was given it. */
  readonly key?: string | undefined;
  /** Of `BACKEND`: whether the same call may succeed later by itself. */
  readonly retryable?: boolean | undefined;
  /** What may be shown of the client's or server's own error. */
  readonly cause?: CauseOptions | undefined;
}

const BRAND = Symbol.for('ninefold.DriverError');

/** How a driver says what went wrong. The message must quote neither a value nor a secret, and needs no key. */
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
  return typeof error === 'object' && error !== null && (error as { [BRAND]?: unknown })[BRAND] === true;
}
