import {
  type CacheBackend,
  type Capabilities,
  createBackend,
  type ReadOptions,
  type StandardSchemaV1,
  type WriteOptions,
} from '@ninefold/core';
import { MapDriver } from './map-driver.ts';

/** A class that implements the interface directly, as a user might, without a driver and without `SCOPE`. */
export class ForeignBackend implements CacheBackend {
  readonly name = 'foreign';
  readonly #driver = new MapDriver();
  readonly #backend: CacheBackend = createBackend(this.#driver, { name: 'foreign' });
  readonly capabilities: Capabilities = this.#backend.capabilities;

  keys(): string[] {
    return [...this.#driver.entries.keys()];
  }

  getValue<S extends StandardSchemaV1>(
    key: string,
    options: { readonly type: S },
  ): Promise<StandardSchemaV1.InferOutput<S> | undefined>;
  getValue<T = unknown>(key: string, options?: ReadOptions<T>): Promise<NoInfer<T> | undefined>;
  getValue(key: string, options?: ReadOptions<unknown>): Promise<unknown> {
    return this.#backend.getValue(key, options);
  }

  setValue(key: string, value: unknown, options?: WriteOptions): Promise<void> {
    return this.#backend.setValue(key, value, options);
  }

  multiGetValues<S extends StandardSchemaV1>(
    keys: readonly string[],
    options: { readonly type: S },
  ): Promise<(StandardSchemaV1.InferOutput<S> | undefined)[]>;
  multiGetValues<T = unknown>(keys: readonly string[], options?: ReadOptions<T>): Promise<(NoInfer<T> | undefined)[]>;
  multiGetValues(keys: readonly string[], options?: ReadOptions<unknown>): Promise<unknown[]> {
    return this.#backend.multiGetValues(keys, options);
  }

  multiSetValues(pairs: Iterable<readonly [string, unknown]>, options?: WriteOptions): Promise<void> {
    return this.#backend.multiSetValues(pairs, options);
  }

  exists(key: string): Promise<boolean> {
    return this.#backend.exists(key);
  }

  delete(key: string): Promise<number> {
    return this.#backend.delete(key);
  }

  deleteMany(keys: readonly string[]): Promise<number> {
    return this.#backend.deleteMany(keys);
  }

  incr(key: string, delta?: number, options?: WriteOptions): Promise<number> {
    return this.#backend.incr(key, delta, options);
  }

  close(): Promise<void> {
    return this.#backend.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
