import type { CacheBackend, Capabilities, Operation, ReadOptions, WriteOptions } from './backend.ts';
import { checkDelta, pairsOf, storedKey, storedKeys, ttlOf, typeOf } from './checks.ts';
import type { CacheDriver, Found, Stored } from './driver.ts';
import { Lifecycle } from './lifecycle.ts';
import { checkOptions, type RemoteOptions } from './options.ts';
import { Runner } from './runner.ts';
import { errorOf, failureOf, type Origin, type Task } from './task.ts';
import { ValueCodec } from './value-codec.ts';
import { isThenable } from './value-type.ts';
import { SCOPE } from './wrappers/scoped.ts';

/**
 * Makes a backend of a driver. Validation, serialisation, `type`, deadlines, error mapping and `close` are implemented
 * here, once for all drivers. Does no I/O. Without `timeoutMs` calls have no deadline, which suits a driver whose
 * replies cannot get lost. Throws `INVALID_OPTIONS`.
 */
export function createBackend(driver: CacheDriver, options: RemoteOptions = {}): CacheBackend {
  checkOptions(driver.name, options);
  return new Backend(driver, options, new Lifecycle(() => driver.close()), '');
}

class Backend implements CacheBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly #driver: CacheDriver;
  readonly #options: RemoteOptions;
  readonly #lifecycle: Lifecycle;
  readonly #origin: Origin;
  readonly #codec: ValueCodec;
  readonly #runner: Runner;

  constructor(driver: CacheDriver, options: RemoteOptions, lifecycle: Lifecycle, prefix: string) {
    this.name = options.name ?? driver.name;
    this.capabilities = Object.freeze({ ...driver.capabilities });
    this.#driver = driver;
    this.#options = { ...options };
    this.#lifecycle = lifecycle;
    this.#origin = {
      name: this.name,
      prefix: options.namespace === undefined ? prefix : `${prefix}${options.namespace}:`,
      hidesKeys: options.errorKeys === 'hidden',
    };
    this.#codec = new ValueCodec(options);
    this.#runner = new Runner(options.timeoutMs, lifecycle);
  }

  async getValue(key: string, options?: ReadOptions<unknown>): Promise<never> {
    const task = this.#begin('getValue', 'read', key);
    const stored = storedKey(task);
    const type = typeOf(task, options);
    const pending = this.#runner.run(task, (call) => this.#driver.get(stored, call));
    const found = pending instanceof Promise ? await pending : pending;
    const value = this.#codec.decode(task, stored, found as Found, type);
    return (isThenable(value) ? await value : value) as never;
  }

  async setValue(key: string, value: unknown, options?: WriteOptions): Promise<void> {
    const task = this.#begin('setValue', 'write', key);
    const stored = storedKey(task);
    const ttl = ttlOf(task, options);
    const entries = [[stored, this.#codec.encode(task, value)]] as const;
    const pending = this.#runner.run(task, (call) => this.#driver.setMany(entries, ttl, call));
    if (pending instanceof Promise) await pending;
  }

  async multiGetValues(keys: readonly string[], options?: ReadOptions<unknown>): Promise<never[]> {
    const task = this.#begin('multiGetValues', 'read');
    const stored = storedKeys(task, keys);
    const type = typeOf(task, options);
    if (stored.length === 0) return [];
    const pending = this.#runner.run(task, (call) => this.#driver.getMany(stored, call));
    const found = pending instanceof Promise ? await pending : pending;
    const values = this.#codec.decodeAll(task, stored, found, type);
    return (values instanceof Promise ? await values : values) as never[];
  }

  async multiSetValues(pairs: Iterable<readonly [string, unknown]>, options?: WriteOptions): Promise<void> {
    const task = this.#begin('multiSetValues', 'batch write');
    const ttl = ttlOf(task, options);
    const entries = new Map<string, Stored>();
    for (const [key, value] of pairsOf(task, pairs)) {
      task.key = key;
      entries.set(storedKey(task), this.#codec.encode(task, value));
    }
    if (entries.size > 1) task.key = undefined;
    if (entries.size === 0) return;
    await this.#runner.run(task, (call) => this.#driver.setMany([...entries], ttl, call));
  }

  async exists(key: string): Promise<boolean> {
    const task = this.#begin('exists', 'read', key);
    const stored = storedKey(task);
    return await this.#runner.run(task, (call) => this.#driver.exists(stored, call));
  }

  async delete(key: string): Promise<number> {
    const task = this.#begin('delete', 'write', key);
    const stored = storedKey(task);
    return await this.#runner.run(task, (call) => this.#driver.deleteMany([stored], call));
  }

  async deleteMany(keys: readonly string[]): Promise<number> {
    const task = this.#begin('deleteMany', 'batch write');
    const stored = new Set(storedKeys(task, keys));
    if (stored.size === 0) return 0;
    return await this.#runner.run(task, (call) => this.#driver.deleteMany([...stored], call));
  }

  async incr(key: string, delta: number = 1, options?: WriteOptions): Promise<number> {
    const task = this.#begin('incr', 'write', key);
    const stored = storedKey(task);
    checkDelta(task, delta);
    const ttl = ttlOf(task, options);
    if (!this.capabilities.atomicIncr) {
      throw errorOf(task, 'UNSUPPORTED', 'this backend cannot increment atomically');
    }
    // Adding 0 turns -0 into 0, in the delta and in the result.
    return 0 + (await this.#runner.run(task, (call) => this.#driver.incr(stored, 0 + delta, ttl, call)));
  }

  async close(): Promise<void> {
    try {
      await this.#lifecycle.close();
    } catch (error) {
      throw failureOf({ origin: this.#origin, operation: 'close', kind: 'read' }, error, false);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A backend on the same driver with a longer prefix. Its `close` leaves the driver open. */
  [SCOPE](namespace: string): CacheBackend {
    const lifecycle = new Lifecycle(() => undefined, this.#lifecycle);
    return new Backend(this.#driver, { ...this.#options, namespace }, lifecycle, this.#origin.prefix);
  }

  /** Starts a call of an operation. Throws `CLOSED` after `close`. */
  #begin(operation: Operation, kind: Task['kind'], key?: string): Task {
    const task: Task = { origin: this.#origin, operation, kind, key };
    if (this.#lifecycle.closed) throw errorOf(task, 'CLOSED', 'the backend is closed');
    return task;
  }
}
