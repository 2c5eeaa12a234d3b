import type { StandardSchemaV1 } from '@ninefold/core';
import type { LoadContext } from './flight.ts';
import type { Key } from './key.ts';
import type { CountOptions, GetOptions, LoadOptions, SetOptions, WrapOptions } from './options.ts';

/** A Standard Schema that reads what the loader gives. */
export type Schema = StandardSchemaV1;

type Loaded<T> = T | Promise<T>;
type Loader<T> = (context: LoadContext) => Loaded<T>;
type ManyLoader<K, T> = (keys: readonly K[], context: LoadContext) => Loaded<readonly T[]>;
type In<S extends Schema> = StandardSchemaV1.InferInput<S>;
type Out<S extends Schema> = StandardSchemaV1.InferOutput<S>;
/** A schema, a function, or no type at all. */
type Typed<O, S> = Omit<O, 'type'> & { readonly type: S };
type Conversion<T> = (value: unknown) => Loaded<T>;
type Untyped<O> = O & { readonly type?: undefined };

/**
 * A cache that loads what it has not, so that no delete, crash or stampede spoils it.
 *
 * No call that begins after a `delete`, `set`, `invalidateTags` or `clear` has resolved gets a value that was loaded or
 * set before it began. What a call resolves is the caller's own copy. `undefined` is a miss, and is not stored.
 */
export interface Cache {
  /** The value, or `undefined` on a miss. One round trip, and another where the entry bears tags that are not named. */
  get<S extends Schema>(key: Key, options: Typed<GetOptions<unknown>, S>): Promise<Out<S> | undefined>;
  get<T = unknown>(key: Key, options?: GetOptions<T>): Promise<NoInfer<T> | undefined>;

  /** Stores a value in place of the one before; a load that began before cannot replace it. Two round trips, three for a new key. */
  set(key: Key, value: unknown, options?: SetOptions): Promise<void>;

  /** Values in the order of the keys, `undefined` for misses. */
  getMany<S extends Schema>(
    keys: readonly Key[],
    options: Typed<GetOptions<unknown>, S>,
  ): Promise<(Out<S> | undefined)[]>;
  getMany<T = unknown>(keys: readonly Key[], options?: GetOptions<T>): Promise<(NoInfer<T> | undefined)[]>;

  /** Stores all pairs (a `Map` works) with the same tags and TTL. Of a duplicate key the last value wins. */
  setMany(pairs: Iterable<readonly [key: Key, value: unknown]>, options?: SetOptions): Promise<void>;

  has(key: Key, options?: Pick<GetOptions<unknown>, 'tags'>): Promise<boolean>;

  /** Removes value and counter. A load that began before cannot bring the old value back. */
  delete(key: Key): Promise<void>;
  deleteMany(keys: readonly Key[]): Promise<void>;

  /**
   * Adds to the key's counter and resolves what it is then. Counters lie apart from values: `get` does not see them, and
   * `incr(key, 0)` reads one. The TTL applies when this call creates it.
   */
  incr(key: Key, delta?: number, options?: CountOptions): Promise<number>;

  /**
   * The value, loaded if there is none: once in this process, and as a rule once in all processes. The loader's error
   * reaches each caller that waits and is not stored. When the backend fails, the loader is called and `onError` told.
   */
  getOrSet<S extends Schema>(key: Key, loader: Loader<In<S>>, options: Typed<LoadOptions, S>): Promise<Out<S>>;
  getOrSet<T>(key: Key, loader: Loader<unknown>, options: Typed<LoadOptions, Conversion<T>>): Promise<T>;
  getOrSet<T>(key: Key, loader: Loader<T>, options?: Untyped<LoadOptions>): Promise<T>;

  /**
   * As `getOrSet`, with one call of the loader for all misses; it resolves their values in the order of its keys. Rejects
   * with the first failure in the order of the keys, once all loads, waits and writes of the call have ended; when its
   * signal aborts, at once.
   */
  getOrSetMany<K extends Key, S extends Schema>(
    keys: readonly K[],
    loader: ManyLoader<K, In<S>>,
    options: Typed<LoadOptions, S>,
  ): Promise<Out<S>[]>;
  getOrSetMany<K extends Key, T>(
    keys: readonly K[],
    loader: ManyLoader<K, unknown>,
    options: Typed<LoadOptions, Conversion<T>>,
  ): Promise<T[]>;
  getOrSetMany<K extends Key, T>(
    keys: readonly K[],
    loader: ManyLoader<K, T>,
    options?: Untyped<LoadOptions>,
  ): Promise<T[]>;

  /**
   * The function, memoised by its arguments, which are parts of a key; `options.key` makes others into a key. It is called
   * on the `this` of the call, which is no part of the key.
   */
  wrap<A extends readonly unknown[], S extends Schema>(
    fn: (...args: A) => Loaded<In<S>>,
    options: Typed<WrapOptions<A>, S>,
  ): (...args: A) => Promise<Out<S>>;
  wrap<A extends readonly unknown[], T>(
    fn: (...args: A) => unknown,
    options: Typed<WrapOptions<A>, Conversion<T>>,
  ): (...args: A) => Promise<T>;
  wrap<A extends readonly unknown[], T>(
    fn: (...args: A) => Loaded<T>,
    options: Untyped<WrapOptions<A>>,
  ): (...args: A) => Promise<T>;

  /** Makes every entry stale that was stored with one of the tags. One `incr` for each tag, side by side. */
  invalidateTags(...tags: readonly string[]): Promise<void>;

  /** Makes every entry and every counter of this cache's namespace as if it were not there. One `incr`. */
  clear(): Promise<void>;

  /** Closes the backend. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
