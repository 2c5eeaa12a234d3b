import type { StandardSchemaV1 } from '@ninefold/core';
import type { LoadContext } from './flight.ts';
import type { Key } from './key.ts';
import type { CountOptions, GetOptions, LoadOptions, SetOptions, WrapOptions } from './options.ts';

/** A Standard Schema whose input is the loader's value. */
export type Schema = StandardSchemaV1;

type Loaded<T> = T | PromiseLike<T>;
type Loader<T> = (context: LoadContext) => Loaded<T>;
type ManyLoader<K, T> = (keys: readonly K[], context: LoadContext) => Loaded<readonly Loaded<T>[]>;
type In<S extends Schema> = StandardSchemaV1.InferInput<S>;
type Out<S extends Schema> = StandardSchemaV1.InferOutput<S>;
/**
 * The kinds of `type`: a schema, a function, or none. The overload for a schema comes last, because TypeScript explains a
 * wrong call by its last overload; so a function may not be a schema, as those of arktype are.
 */
type Typed<O, S> = Omit<O, 'type'> & { readonly type: S };
type Conversion<T> = ((value: unknown) => Loaded<T>) & { readonly '~standard'?: undefined };
/** Admits a loader of `unknown`, such as parsed JSON, which the schema is to check. */
type IfUnknown<R> = unknown extends R ? unknown : never;
type Untyped<O> = O & { readonly type?: undefined };

/**
 * A read-through cache that loads a missing value once for all callers and serves no stale value after a delete.
 *
 * A call that begins after a `delete`, `set`, `invalidateTags` or `clear` has resolved never gets a value from a load
 * that began, or a `set` that resolved, before that operation began. Every caller gets a copy of its own. `undefined`
 * is a miss, and is not stored.
 */
export interface Cache {
  /** Resolves the value, or `undefined` on a miss. One round trip; two if the entry has tags that are not named. */
  get<S extends Schema>(key: Key, options: Typed<GetOptions<unknown>, S>): Promise<Out<S> | undefined>;
  get<T = unknown>(key: Key, options?: GetOptions<T>): Promise<NoInfer<T> | undefined>;

  /** Stores a value. A load that began before cannot bring an older one back. Two round trips; three for a new key. */
  set(key: Key, value: unknown, options?: SetOptions): Promise<void>;

  /** Values in the order of the keys, `undefined` for misses. */
  getMany<S extends Schema>(
    keys: readonly Key[],
    options: Typed<GetOptions<unknown>, S>,
  ): Promise<(Out<S> | undefined)[]>;
  getMany<T = unknown>(keys: readonly Key[], options?: GetOptions<T>): Promise<(NoInfer<T> | undefined)[]>;

  /** Stores all pairs (a `Map` works) with the same tags and TTL. The last value of a duplicate key wins. */
  setMany(pairs: Iterable<readonly [key: Key, value: unknown]>, options?: SetOptions): Promise<void>;

  has(key: Key, options?: Pick<GetOptions<unknown>, 'tags'>): Promise<boolean>;

  /** Removes the value and the counter of the key. A load that began before cannot bring the old value back. */
  delete(key: Key): Promise<void>;
  deleteMany(keys: readonly Key[]): Promise<void>;

  /**
   * Adds `delta` (default 1) to the key's counter and resolves its new value. Counters are separate from values: `get`
   * does not see them. `incr(key, 0)` reads one, and creates it if there is none. The TTL applies only if the call creates
   * the counter.
   */
  incr(key: Key, delta?: number, options?: CountOptions): Promise<number>;

  /**
   * Resolves the value, loaded on a miss: once in this process, and as a rule once in all processes. The loader's error
   * reaches every waiting caller and is not stored. If the backend fails, the loader is called, and so is `onError`.
   */
  getOrSet<T>(key: Key, loader: Loader<T>, options?: Untyped<LoadOptions<T>>): Promise<T>;
  getOrSet<T>(key: Key, loader: Loader<unknown>, options: Typed<LoadOptions, Conversion<T>>): Promise<T>;
  getOrSet<S extends Schema, R>(
    key: Key,
    loader: Loader<R>,
    options: Typed<LoadOptions<R>, S> & IfUnknown<R>,
  ): Promise<Out<S>>;
  getOrSet<S extends Schema>(key: Key, loader: Loader<In<S>>, options: Typed<LoadOptions<In<S>>, S>): Promise<Out<S>>;

  /**
   * As `getOrSet`, with one call of the loader for all misses; it resolves their values, or promises of them, in the order
   * of its keys.
   * Rejects with the first failure in the order of the keys, once all loads, waits and writes of the call have ended.
   * If the signal aborts, rejects at once.
   */
  getOrSetMany<K extends Key, T>(
    keys: readonly K[],
    loader: ManyLoader<K, T>,
    options?: Untyped<LoadOptions<T>>,
  ): Promise<T[]>;
  getOrSetMany<K extends Key, T>(
    keys: readonly K[],
    loader: ManyLoader<K, unknown>,
    options: Typed<LoadOptions, Conversion<T>>,
  ): Promise<T[]>;
  getOrSetMany<K extends Key, S extends Schema, R>(
    keys: readonly K[],
    loader: ManyLoader<K, R>,
    options: Typed<LoadOptions<R>, S> & IfUnknown<R>,
  ): Promise<Out<S>[]>;
  getOrSetMany<K extends Key, S extends Schema>(
    keys: readonly K[],
    loader: ManyLoader<K, In<S>>,
    options: Typed<LoadOptions<In<S>>, S>,
  ): Promise<Out<S>[]>;

  /**
   * Returns the function, memoised by its arguments, which are parts of the key; it receives copies of what the key holds
   * (of arrays only the items), as it was at the call. For arguments that cannot be parts, give a function as `options.key`:
   * those are passed as they are, and must not be changed until the call has settled. The `this` of a call is passed on, and
   * is not part of the key.
   */
  wrap<A extends readonly unknown[], T>(
    fn: (...args: A) => Loaded<T>,
    options: Untyped<WrapOptions<A, T>>,
  ): (...args: A) => Promise<T>;
  wrap<A extends readonly unknown[], T>(
    fn: (...args: A) => unknown,
    options: Typed<WrapOptions<A>, Conversion<T>>,
  ): (...args: A) => Promise<T>;
  wrap<A extends readonly unknown[], S extends Schema, R>(
    fn: (...args: A) => Loaded<R>,
    options: Typed<WrapOptions<A, R>, S> & IfUnknown<R>,
  ): (...args: A) => Promise<Out<S>>;
  wrap<A extends readonly unknown[], S extends Schema>(
    fn: (...args: A) => Loaded<In<S>>,
    options: Typed<WrapOptions<A, In<S>>, S>,
  ): (...args: A) => Promise<Out<S>>;

  /** Makes every entry stale that was stored with one of the tags. One `incr` for each tag, in parallel. */
  invalidateTags(...tags: readonly string[]): Promise<void>;

  /** Makes every entry and counter in this cache's namespace stale, as if deleted. One `incr`. */
  clear(): Promise<void>;

  /** Closes the backend. Later calls reject `CLOSED`, and load nothing. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
