import type { CacheBackend, Capabilities, Operation, ReadOptions, WriteOptions } from '../backend.ts';

/**
 * The optional method by which a backend returns a view of itself under a namespace, in which keys may have the full
 * length. For a backend without it `scoped` prefixes the keys, and the prefix counts towards their length.
 */
export const SCOPE: unique symbol = Symbol.for('ninefold.scope') as never;

export type Scope = (namespace: string) => CacheBackend;

/** One call of the wrapper. */
export interface WrappedCall<T> {
  readonly operation: Operation;
  /** The caller's first argument: a key, keys or pairs. */
  readonly subject: unknown;
  /** The number of keys in it. For pairs it is known once `run` has iterated over them. */
  readonly keys: number;
  /** Calls the wrapped backend, with `subject` in place of the caller's if given. */
  readonly run: (subject?: unknown) => Promise<T>;
}

/** Intercepts a call: runs it, or returns a result of its own. */
export type Interceptor = <T>(call: WrappedCall<T>) => Promise<T>;

/** Wraps a backend so that each call passes through `intercept`. Without `scope`, its scopes prefix the keys. */
export function wrapWith(backend: CacheBackend, intercept: Interceptor, scope?: Scope): CacheBackend {
  return new Wrapper(backend, intercept, scope);
}

class Wrapper implements CacheBackend {
  readonly #backend: CacheBackend;
  readonly #intercept: Interceptor;
  readonly #scope: Scope | undefined;

  constructor(backend: CacheBackend, intercept: Interceptor, scope: Scope | undefined) {
    this.#backend = backend;
    this.#intercept = intercept;
    this.#scope = scope;
  }

  get name(): string {
    return this.#backend.name;
  }

  get capabilities(): Capabilities {
    return this.#backend.capabilities;
  }

  async getValue(key: string, options?: ReadOptions<unknown>): Promise<never> {
    return await this.#pass('getValue', 1, key, options);
  }

  async setValue(key: string, value: unknown, options?: WriteOptions): Promise<void> {
    return await this.#pass('setValue', 1, key, value, options);
  }

  async multiGetValues(keys: readonly string[], options?: ReadOptions<unknown>): Promise<never[]> {
    return await this.#pass('multiGetValues', lengthOf(keys), keys, options);
  }

  async multiSetValues(pairs: Iterable<readonly [string, unknown]>, options?: WriteOptions): Promise<void> {
    return await this.#pass('multiSetValues', 0, pairs, options);
  }

  async exists(key: string): Promise<boolean> {
    return await this.#pass('exists', 1, key);
  }

  async delete(key: string): Promise<number> {
    return await this.#pass('delete', 1, key);
  }

  async deleteMany(keys: readonly string[]): Promise<number> {
    return await this.#pass('deleteMany', lengthOf(keys), keys);
  }

  async incr(key: string, delta?: number, options?: WriteOptions): Promise<number> {
    return await this.#pass('incr', 1, key, delta, options);
  }

  async close(): Promise<void> {
    return await this.#pass('close', 0, undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get [SCOPE](): Scope | undefined {
    return this.#scope;
  }

  #pass<T>(operation: Operation, keys: number, subject: unknown, ...rest: unknown[]): Promise<T> {
    const backend = this.#backend as unknown as Record<Operation, (...args: unknown[]) => Promise<T>>;
    const call: { -readonly [Part in keyof WrappedCall<T>]: WrappedCall<T>[Part] } = {
      operation,
      keys,
      subject,
      run: (other = call.subject) => backend[operation](other, ...rest),
    };
    if (operation === 'multiSetValues') call.subject = counted(subject as Iterable<unknown>, call);
    return this.#intercept(call);
  }
}

/** Counts the pairs while they are consumed, because a generator can be iterated only once. */
function* counted(pairs: Iterable<unknown>, call: { keys: number }): Generator<unknown> {
  for (const pair of pairs) {
    call.keys += 1;
    yield pair;
  }
}

/** 0 if `keys` is not an array, which the wrapped backend refuses. */
function lengthOf(keys: readonly string[]): number {
  return Array.isArray(keys) ? keys.length : 0;
}
