import type { CacheBackend, Capabilities, ReadOptions, ValueType, WriteOptions } from './backend.ts';
import type { CacheDriver, Found, Stored } from './driver.ts';
import { causeOf, createCause } from './errors.ts';
import { Failures, type Task } from './failures.ts';
import { describe, invalidKey } from './keys.ts';
import { Lifecycle } from './lifecycle.ts';
import { checkOptions, type RemoteOptions } from './options.ts';
import { Runner } from './runner.ts';
import { type Serializer, superjsonSerializer, ValueError } from './serializer.ts';
import { invalidTtl } from './ttl.ts';
import { applyType, isThenable, isValueType, TypeMismatch } from './value-type.ts';
import { decodeValue, encodeValue } from './values.ts';
import { SCOPE } from './wrappers/scoped.ts';

/**
 * Joins a driver and the contract: the one place that validates, serialises, applies `type`, keeps the deadline, maps
 * errors and guards `close`. Does no I/O. Without `timeoutMs` calls have no deadline, which fits a driver whose answers
 * cannot get lost. Throws `INVALID_OPTIONS`.
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
  readonly #prefix: string;
  readonly #serializer: Serializer;
  readonly #lifecycle: Lifecycle;
  readonly #failures: Failures;
  readonly #runner: Runner;

  constructor(driver: CacheDriver, options: RemoteOptions, lifecycle: Lifecycle, prefix: string) {
    this.name = options.name ?? driver.name;
    this.capabilities = Object.freeze({ ...driver.capabilities });
    this.#driver = driver;
    this.#options = { ...options };
    this.#prefix = options.namespace === undefined ? prefix : `${prefix}${options.namespace}:`;
    this.#serializer = options.serializer ?? superjsonSerializer;
    this.#lifecycle = lifecycle;
    this.#failures = new Failures(this.name, this.#prefix, options.errorKeys === 'hidden');
    this.#runner = new Runner(options.timeoutMs, lifecycle, this.#failures);
  }

  async getValue(key: string, options?: ReadOptions<unknown>): Promise<never> {
    const task: Task = { operation: 'getValue', kind: 'read', key };
    const stored = this.#begin(task);
    const type = this.#typeOf(task, options);
    const pending = this.#runner.run(task, (call) => this.#driver.get(stored, call));
    const found = pending instanceof Promise ? await pending : pending;
    const value = this.#read(task, stored, found as Found, type);
    return (isThenable(value) ? await value : value) as never;
  }

  async setValue(key: string, value: unknown, options?: WriteOptions): Promise<void> {
    const task: Task = { operation: 'setValue', kind: 'write', key };
    const stored = this.#begin(task);
    const ttl = this.#ttlOf(task, options);
    const entries = [[stored, this.#encode(task, key, value)]] as const;
    const pending = this.#runner.run(task, (call) => this.#driver.setMany(entries, ttl, call));
    if (pending instanceof Promise) await pending;
  }

  async multiGetValues(keys: readonly string[], options?: ReadOptions<unknown>): Promise<never[]> {
    const task: Task = { operation: 'multiGetValues', kind: 'read' };
    const stored = this.#beginBatch(task, keys);
    const type = this.#typeOf(task, options);
    if (stored.length === 0) return [];
    const pending = this.#runner.run(task, (call) => this.#driver.getMany(stored, call));
    const found = pending instanceof Promise ? await pending : pending;
    if (found.length !== stored.length) {
      throw this.#failures.make('BACKEND', task, `the driver found ${found.length} values for ${stored.length} keys`);
    }
    // Of their length from the start: arrays that grow take twice the time of a small batch.
    const values: unknown[] = new Array(found.length);
    let waits = false;
    for (let index = 0; index < found.length; index++) {
      try {
        const value = this.#read(task, stored[index] as string, found[index] as Found, type);
        // What is found may look like a promise and is none.
        if (type !== undefined && isThenable(value)) waits = true;
        values[index] = value;
      } catch (error) {
        // The types of earlier values may still be at work, and are waited for.
        waits = true;
        values[index] = Promise.reject(error);
      }
    }
    return (waits ? await firstFailure(values) : values) as never[];
  }

  async multiSetValues(pairs: Iterable<readonly [string, unknown]>, options?: WriteOptions): Promise<void> {
    const task: Task = { operation: 'multiSetValues', kind: 'batch write' };
    this.#assertOpen(task);
    const ttl = this.#ttlOf(task, options);
    const entries = new Map<string, Stored>();
    for (const [key, value] of this.#pairsOf(task, pairs)) {
      entries.set(this.#storedKey(task, key), this.#encode(task, key, value));
    }
    if (entries.size > 0) await this.#runner.run(task, (call) => this.#driver.setMany([...entries], ttl, call));
  }

  async exists(key: string): Promise<boolean> {
    const task: Task = { operation: 'exists', kind: 'read', key };
    const stored = this.#begin(task);
    return await this.#runner.run(task, (call) => this.#driver.exists(stored, call));
  }

  async delete(key: string): Promise<number> {
    const task: Task = { operation: 'delete', kind: 'write', key };
    const stored = this.#begin(task);
    return await this.#runner.run(task, (call) => this.#driver.deleteMany([stored], call));
  }

  async deleteMany(keys: readonly string[]): Promise<number> {
    const task: Task = { operation: 'deleteMany', kind: 'batch write' };
    const stored = new Set(this.#beginBatch(task, keys));
    if (stored.size === 0) return 0;
    return await this.#runner.run(task, (call) => this.#driver.deleteMany([...stored], call));
  }

  async incr(key: string, delta: number = 1, options?: WriteOptions): Promise<number> {
    const task: Task = { operation: 'incr', kind: 'write', key };
    const stored = this.#begin(task);
    if (!Number.isSafeInteger(delta)) {
      const what = typeof delta === 'number' ? String(delta) : describe(delta);
      throw this.#failures.make('INVALID_DELTA', task, `a delta is a safe integer, not ${what}`);
    }
    const ttl = this.#ttlOf(task, options);
    if (!this.capabilities.atomicIncr) {
      throw this.#failures.make('UNSUPPORTED', task, 'this backend cannot increment atomically');
    }
    // Adding 0 turns -0 into 0, on the way in and out.
    return 0 + (await this.#runner.run(task, (call) => this.#driver.incr(stored, 0 + delta, ttl, call)));
  }

  async close(): Promise<void> {
    try {
      await this.#lifecycle.close();
    } catch (error) {
      throw this.#failures.from(error, { operation: 'close', kind: 'read' }, false);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The same driver under a longer prefix, with a `close` that leaves the driver open. */
  [SCOPE](namespace: string): CacheBackend {
    const lifecycle = new Lifecycle(() => undefined, this.#lifecycle);
    return new Backend(this.#driver, { ...this.#options, namespace }, lifecycle, this.#prefix);
  }

  #assertOpen(task: Task): void {
    if (this.#lifecycle.closed) throw this.#failures.make('CLOSED', task, 'the backend is closed');
  }

  #begin(task: Task): string {
    this.#assertOpen(task);
    return this.#storedKey(task, task.key);
  }

  #storedKey(task: Task, key: unknown): string {
    const reason = invalidKey(key);
    if (reason === undefined) return this.#prefix + (key as string);
    throw this.#failures.make('INVALID_KEY', keyless(task), reason, typeof key === 'string' ? { key } : {});
  }

  #beginBatch(task: Task, keys: readonly string[]): readonly string[] {
    this.#assertOpen(task);
    if (!Array.isArray(keys))
      throw this.#failures.make('INVALID_KEY', task, `keys are an array, not ${describe(keys)}`);
    const stored: string[] = new Array(keys.length);
    // Not `map`, which would pass over the holes of a sparse array.
    for (let index = 0; index < keys.length; index++) stored[index] = this.#storedKey(task, keys[index]);
    return stored;
  }

  #pairsOf(task: Task, pairs: Iterable<readonly [string, unknown]>): (readonly [string, unknown])[] {
    let list: (readonly [string, unknown])[];
    try {
      list = [...pairs];
    } catch (error) {
      const reason = `pairs are an iterable of [key, value], not ${describe(pairs)}`;
      throw this.#failures.make('INVALID_KEY', task, reason, { cause: createCause({ name: causeOf(error).name }) });
    }
    if (list.every((pair) => Array.isArray(pair) && pair.length === 2)) return list;
    throw this.#failures.make('INVALID_KEY', task, 'each of the pairs is an array of a key and a value');
  }

  #ttlOf(task: Task, options: WriteOptions | undefined): number | undefined {
    if (options === undefined) return undefined;
    const isObject = typeof options === 'object' && options !== null;
    const reason = isObject
      ? invalidTtl(options.ttl)
      : `options are an object such as { ttl: 60 }, not ${describe(options)}`;
    if (reason !== undefined) throw this.#failures.make('INVALID_TTL', task, reason);
    return options.ttl;
  }

  #typeOf(task: Task, options: ReadOptions<unknown> | undefined): ValueType<unknown> | undefined {
    if (options === undefined) return undefined;
    const type = typeof options === 'object' ? options?.type : null;
    if (type === undefined ? !isValueType(options) : isValueType(type)) return type as ValueType<unknown> | undefined;
    const reason = 'options are an object such as { type: schema }, with a Standard Schema or a function';
    throw this.#failures.make('INVALID_OPTIONS', task, reason);
  }

  #encode(task: Task, key: string, value: unknown): Stored {
    try {
      return encodeValue(this.#serializer, value);
    } catch (error) {
      if (error instanceof ValueError) throw this.#failures.make('INVALID_VALUE', task, error.message, { key });
      throw error;
    }
  }

  /** The value of what was found, as its type has it: a promise only where the type is one. */
  #read(task: Task, stored: string, found: Found, type: ValueType<unknown> | undefined): unknown {
    if (found === undefined) return undefined;
    try {
      const value = decodeValue(this.#serializer, found);
      if (type === undefined) return value;
      const output = applyType(type, value);
      return isThenable(output) ? output.then(undefined, (error) => this.#unreadable(error, task, stored)) : output;
    } catch (error) {
      return this.#unreadable(error, task, stored);
    }
  }

  #unreadable(error: unknown, task: Task, stored: string): undefined {
    if (this.#options.onUnreadable === 'miss') return undefined;
    const key = stored.slice(this.#prefix.length);
    if (!(error instanceof TypeMismatch)) {
      throw this.#failures.make('CORRUPT', task, 'the stored entry cannot be read', { key, cause: causeOf(error) });
    }
    const { message, issues, thrown } = error;
    const cause = thrown === undefined ? undefined : createCause({ name: thrown });
    throw this.#failures.make('TYPE_MISMATCH', task, message, { key, issues, cause });
  }
}

function keyless(task: Task): Task {
  return { operation: task.operation, kind: task.kind };
}

/** All values, or the first failure in input order once every one has settled. */
async function firstFailure(values: readonly unknown[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(values);
  return settled.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}
