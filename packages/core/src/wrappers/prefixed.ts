import type { CacheBackend, Capabilities, Operation, ReadOptions, WriteOptions } from '../backend.ts';
import { isCacheError } from '../errors.ts';
import { Failures } from '../failures.ts';
import { invalidKey } from '../keys.ts';

/** Any backend under a prefix, for those that cannot make a view of themselves. */
export class PrefixedBackend implements CacheBackend {
  readonly #backend: CacheBackend;
  readonly #prefix: string;
  readonly #failures: Failures;
  #closed = false;

  constructor(backend: CacheBackend, prefix: string) {
    this.#backend = backend;
    this.#prefix = prefix;
    this.#failures = new Failures(backend.name, '', false);
  }

  get name(): string {
    return this.#backend.name;
  }

  get capabilities(): Capabilities {
    return this.#backend.capabilities;
  }

  getValue(key: string, options?: ReadOptions<unknown>): Promise<never> {
    return this.#pass(
      'getValue',
      () => this.#backend.getValue(this.#stored('getValue', key), options) as Promise<never>,
    );
  }

  setValue(key: string, value: unknown, options?: WriteOptions): Promise<void> {
    return this.#pass('setValue', () => this.#backend.setValue(this.#stored('setValue', key), value, options));
  }

  multiGetValues(keys: readonly string[], options?: ReadOptions<unknown>): Promise<never[]> {
    const stored = () => this.#storedKeys('multiGetValues', keys);
    return this.#pass('multiGetValues', () => this.#backend.multiGetValues(stored(), options) as Promise<never[]>);
  }

  multiSetValues(pairs: Iterable<readonly [string, unknown]>, options?: WriteOptions): Promise<void> {
    return this.#pass('multiSetValues', () => this.#backend.multiSetValues(this.#storedPairs(pairs), options));
  }

  exists(key: string): Promise<boolean> {
    return this.#pass('exists', () => this.#backend.exists(this.#stored('exists', key)));
  }

  delete(key: string): Promise<number> {
    return this.#pass('delete', () => this.#backend.delete(this.#stored('delete', key)));
  }

  deleteMany(keys: readonly string[]): Promise<number> {
    return this.#pass('deleteMany', () => this.#backend.deleteMany(this.#storedKeys('deleteMany', keys)));
  }

  incr(key: string, delta?: number, options?: WriteOptions): Promise<number> {
    return this.#pass('incr', () => this.#backend.incr(this.#stored('incr', key), delta, options));
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #pass<T>(operation: Operation, run: () => Promise<T>): Promise<T> {
    if (this.#closed) throw this.#failures.make('CLOSED', { operation, kind: 'read' }, 'the backend is closed');
    try {
      return await run();
    } catch (error) {
      if (!isCacheError(error) || error.key?.startsWith(this.#prefix) !== true) throw error;
      throw error.with({ key: error.key.slice(this.#prefix.length) });
    }
  }

  #stored(operation: Operation, key: string): string {
    const reason = invalidKey(key);
    if (reason === undefined) return this.#prefix + key;
    throw this.#failures.make('INVALID_KEY', { operation, kind: 'read' }, reason);
  }

  /** What is no array is the backend's to refuse. */
  #storedKeys(operation: Operation, keys: readonly string[]): readonly string[] {
    return Array.isArray(keys) ? Array.from(keys as readonly string[], (key) => this.#stored(operation, key)) : keys;
  }

  *#storedPairs(pairs: Iterable<readonly [string, unknown]>): Generator<readonly [string, unknown]> {
    const list = [...pairs];
    for (const pair of list) {
      yield Array.isArray(pair) && pair.length === 2 ? [this.#stored('multiSetValues', pair[0]), pair[1]] : pair;
    }
  }
}
