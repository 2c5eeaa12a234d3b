import type { StandardSchemaV1 } from '@standard-schema/spec';

declare global {
  // What @types/node does too: lets these types compile for a consumer on lib ES2022 with neither DOM nor Node types.
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
}

/**
 * A cache of nine operations, alike on every server.
 *
 * Keys are non-empty, well-formed strings of at most 8,192 UTF-8 bytes. Values are stored exactly or refused. TTLs are
 * seconds. Every call returns a promise; a call that fails rejects with a `CacheError` and never looks like a miss.
 * Arguments are read at call time, and what a read returns is the caller's own copy.
 *
 * Per key, awaited operations are linearizable on one primary, without restart, failover, eviction or expiry. Any entry
 * may vanish at any time: that is a cache, never an error.
 */
export interface CacheBackend {
  /** The adapter's name, or the caller's own name for this backend; it begins every error message. */
  readonly name: string;
  readonly capabilities: Capabilities;

  /** The value, or `undefined` on a miss. `undefined` is the only miss: a stored `null` comes back as `null`. */
  getValue<S extends StandardSchemaV1>(
    key: string,
    options: { readonly type: S },
  ): Promise<StandardSchemaV1.InferOutput<S> | undefined>;
  getValue<T = unknown>(key: string, options?: ReadOptions<T>): Promise<NoInfer<T> | undefined>;

  /** Stores a value. It replaces the value *and* the TTL of an earlier one: without `ttl` the entry never expires. */
  setValue(key: string, value: unknown, options?: WriteOptions): Promise<void>;

  /** Values in the order of `keys`, `undefined` for misses, duplicates repeated; one round trip. Not a snapshot. */
  multiGetValues<S extends StandardSchemaV1>(
    keys: readonly string[],
    options: { readonly type: S },
  ): Promise<(StandardSchemaV1.InferOutput<S> | undefined)[]>;
  multiGetValues<T = unknown>(keys: readonly string[], options?: ReadOptions<T>): Promise<(NoInfer<T> | undefined)[]>;

  /**
   * Stores all pairs (a `Map` works) with one TTL; one round trip. Of a duplicate key the last value wins.
   * One invalid pair rejects the call and writes nothing; a failure after sending may leave some pairs stored.
   */
  multiSetValues(pairs: Iterable<readonly [key: string, value: unknown]>, options?: WriteOptions): Promise<void>;

  /** Whether there is an entry, also one that holds `null`, `0`, `''` or `false`. */
  exists(key: string): Promise<boolean>;

  /** How many entries there were and are no more: 0 or 1. */
  delete(key: string): Promise<number>;

  /** How many entries there were and are no more; a duplicate key counts once; one round trip. */
  deleteMany(keys: readonly string[]): Promise<number>;

  /**
   * Adds `delta` (a safe integer, default 1) atomically and resolves the new value. A missing key counts as 0; `ttl`
   * applies only when this call creates it, an existing TTL is kept. Never sent twice.
   */
  incr(key: string, delta?: number, options?: WriteOptions): Promise<number>;

  /** Waits up to 1 s for what is in flight, rejects the rest `CLOSED`, and lets the process exit. Idempotent. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ReadOptions<T> {
  /** What a hit is passed through; its output is what the call resolves. A miss skips it. */
  readonly type?: ValueType<T> | undefined;
}

export interface WriteOptions {
  /** Seconds, fractions allowed, above 0 and at most 1,000,000,000. `undefined`: the entry never expires. */
  readonly ttl?: number | undefined;
}

/** A Standard Schema (zod, valibot, arktype …) or a plain function that turns the stored value into a T. */
export type ValueType<T> = StandardSchemaV1<unknown, T> | ((value: unknown) => T | Promise<T>);

/** What real backends differ in and a caller can act on. */
export interface Capabilities {
  /** Two backends made alike see the same entries. */
  readonly shared: boolean;
  /** `incr` is atomic; without it `incr` rejects `UNSUPPORTED`. */
  readonly atomicIncr: boolean;
  /** Seconds by which an entry may outlive its TTL. */
  readonly ttlGranularity: number;
  /** UTF-8 bytes of serialised text that fit under any key; `undefined`: no limit of its own. */
  readonly maxValueBytes: number | undefined;
}

/** The nine operations, as errors and events name them. */
export type Operation =
  | 'getValue'
  | 'setValue'
  | 'multiGetValues'
  | 'multiSetValues'
  | 'exists'
  | 'delete'
  | 'deleteMany'
  | 'incr'
  | 'close';
