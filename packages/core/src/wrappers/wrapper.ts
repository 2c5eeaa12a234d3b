import type { CacheBackend, Capabilities, Operation, ReadOptions, WriteOptions } from '../backend.ts';
import { SCOPE, scoped } from './scoped.ts';

/** One call on its way to the wrapped backend. */
export interface WrappedCall<T> {
  readonly operation: Operation;
  /** How many keys the caller named; known once `run` was called. */
  readonly keys: () => number;
  readonly run: () => Promise<T>;
}

/** What a wrapper does with a call: it runs it, or answers in its stead. */
export type Around = <T>(call: WrappedCall<T>) => Promise<T>;

/** Passes the nine operations on to another backend, each through `around`. Its `close` closes what it wraps. */
export function wrap(backend: CacheBackend, around: Around): CacheBackend {
  return new WrappedBackend(backend, around);
}

class WrappedBackend implements CacheBackend {
  readonly #backend: CacheBackend;
  readonly #around: Around;

  constructor(backend: CacheBackend, around: Around) {
    this.#backend = backend;
    this.#around = around;
  }

  get name(): string {
    return this.#backend.name;
  }

  get capabilities(): Capabilities {
    return this.#backend.capabilities;
  }

  getValue(key: string, options?: ReadOptions<unknown>): Promise<never> {
    const run = () => this.#backend.getValue(key, options) as Promise<never>;
    return this.#around({ operation: 'getValue', keys: one, run });
  }

  setValue(key: string, value: unknown, options?: WriteOptions): Promise<void> {
    return this.#around({ operation: 'setValue', keys: one, run: () => this.#backend.setValue(key, value, options) });
  }

  multiGetValues(keys: readonly string[], options?: ReadOptions<unknown>): Promise<never[]> {
    const run = () => this.#backend.multiGetValues(keys, options) as Promise<never[]>;
    const count = lengthOf(keys);
    return this.#around({ operation: 'multiGetValues', keys: () => count, run });
  }

  multiSetValues(pairs: Iterable<readonly [string, unknown]>, options?: WriteOptions): Promise<void> {
    let keys = 0;
    // Counted as they pass by: a generator can be walked only once.
    function* counted(): Generator<readonly [string, unknown]> {
      for (const pair of pairs) {
        keys += 1;
        yield pair;
      }
    }
    const run = () => this.#backend.multiSetValues(counted(), options);
    return this.#around({ operation: 'multiSetValues', keys: () => keys, run });
  }

  exists(key: string): Promise<boolean> {
    return this.#around({ operation: 'exists', keys: one, run: () => this.#backend.exists(key) });
  }

  delete(key: string): Promise<number> {
    return this.#around({ operation: 'delete', keys: one, run: () => this.#backend.delete(key) });
  }

  deleteMany(keys: readonly string[]): Promise<number> {
    const run = () => this.#backend.deleteMany(keys);
    const count = lengthOf(keys);
    return this.#around({ operation: 'deleteMany', keys: () => count, run });
  }

  incr(key: string, delta?: number, options?: WriteOptions): Promise<number> {
    return this.#around({ operation: 'incr', keys: one, run: () => this.#backend.incr(key, delta, options) });
  }

  close(): Promise<void> {
    return this.#around({ operation: 'close', keys: () => 0, run: () => this.#backend.close() });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [SCOPE](namespace: string): CacheBackend {
    return wrap(scoped(this.#backend, namespace), this.#around);
  }
}

const one = (): number => 1;

/** What is no array is the wrapped backend's to refuse. */
function lengthOf(keys: readonly string[]): number {
  return Array.isArray(keys) ? keys.length : 0;
}
