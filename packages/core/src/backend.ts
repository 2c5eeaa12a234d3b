import type { StandardSchemaV1 } from '@standard-schema/spec';

declare global {
  // As in @types/node: these types then compile on lib ES2022 without DOM or Node types.
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
}

/**
 * A cache with nine operations that behave the same on every server.
 *
 * Keys are non-empty, well-formed strings of at most 8,192 UTF-8 bytes. Values are stored exactly or refused. TTLs are
 * seconds. Every call returns a promise; a call that fails rejects with a `CacheError` and never looks like a miss.
 * Arguments are read at call time, and a read returns a copy that belongs to the caller.
 *
 * Per key, awaited operations are linearizable on one primary, as long as there is no restart, failover, eviction or
 * expiry. Any entry may vanish at any time; in a cache this is not an error.
 */
export interface CacheBackend {
  /** The adapter's name, or the name given in the options. Every error message begins with it. */
  readonly name: string;
  readonly capabilities: Capabilities;

  /** The value, or `undefined` on a miss. `undefined` is the only miss: a stored `null` comes back as `null`. */
  getValue<S extends StandardSchemaV1>(
    key: string,
    options: { readonly type: S },
  ): Promise<StandardSchemaV1.InferOutput<S> | undefined>;
  getValue<T = unknown>(key: string, options?: ReadOptions<T>): Promise<NoInfer<T> | undefined>;

  /** Stores a value. Replaces an earlier value *and* its TTL: without `ttl` the entry never expires. */
  setValue(key: string, value: unknown, options?: WriteOptions): Promise<void>;

  /** Values in the order of `keys`, `undefined` for misses, duplicates repeated. One round trip; not a snapshot. */
  multiGetValues<S extends StandardSchemaV1>(
    keys: readonly string[],
    options: { readonly type: S },
  ): Promise<(StandardSchemaV1.InferOutput<S> | undefined)[]>;
  multiGetValues<T = unknown>(keys: readonly string[], options?: ReadOptions<T>): Promise<(NoInfer<T> | undefined)[]>;

  /**
   * Stores all pairs (a `Map` works) with one TTL in one round trip. For a duplicate key the last value wins. One
   * invalid pair rejects the call and writes nothing; a failure after sending may leave some pairs stored.
   */
  multiSetValues(pairs: Iterable<readonly [key: string, value: unknown]>, options?: WriteOptions): Promise<void>;

  /** Whether there is an entry, including one that holds `null`, `0`, `''` or `false`. */
  exists(key: string): Promise<boolean>;

  /** Resolves the number of entries removed: 0 or 1. */
  delete(key: string): Promise<number>;

  /** Resolves the number of entries removed; a duplicate key counts once. One round trip. */
  deleteMany(keys: readonly string[]): Promise<number>;

  /**
   * Adds `delta` (a safe integer, default 1) atomically and resolves the new value. A missing key counts as 0. `ttl`
   * applies only if this call creates the key; an existing TTL is kept. The request is never sent twice.
   */
  incr(key: string, delta?: number, options?: WriteOptions): Promise<number>;

  /** Waits up to 1 s for calls in flight, rejects the rest with `CLOSED`, and lets the process exit. Idempotent. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ReadOptions<T> {
  /** Validates or converts a hit; the call resolves its output. Not applied to a miss. */
  readonly type?: ValueType<T> | undefined;
}

export interface WriteOptions {
  /** Seconds, above 0 and at most 1,000,000,000; fractions are allowed. `undefined`: the entry never expires. */
  readonly ttl?: number | undefined;
}

/** A Standard Schema (zod, valibot, arktype …) or a plain function that turns the stored value into a T. */
export type ValueType<T> = StandardSchemaV1<unknown, T> | ((value: unknown) => T | Promise<T>);

/** The differences between backends that a caller can act on. */
export interface Capabilities {
  /** Whether two backends created with the same options see the same entries. */
  readonly shared: boolean;
  /** Whether `incr` is atomic. If not, `incr` rejects with `UNSUPPORTED`. */
  readonly atomicIncr: boolean;
  /** Seconds by which an entry may outlive its TTL. */
  readonly ttlGranularity: number;
  /** The UTF-8 bytes of serialised text that fit under any key. `undefined`: the backend has no limit of its own. */
  readonly maxValueBytes: number | undefined;
}

/** The names of the nine operations, as they appear in errors and events. */
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
