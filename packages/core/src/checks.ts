import type { ReadOptions, ValueType, WriteOptions } from './backend.ts';
import { createCause, nameOf } from './errors.ts';
import { describe, invalidKey } from './keys.ts';
import { errorOf, type Task } from './task.ts';
import { invalidTtl } from './ttl.ts';
import { isValueType } from './value-type.ts';

// Validation of arguments. Each function throws the `CacheError` that the contract assigns to its argument.

/** Validates the key of a task and returns the stored key. */
export function storedKey(task: Task): string {
  const reason = invalidKey(task.key);
  if (reason === undefined) return task.origin.prefix + task.key;
  throw errorOf(task, 'INVALID_KEY', reason);
}

/** Validates keys and returns the stored keys, in the same order. The key of a batch of one becomes that of the call. */
export function storedKeys(task: Task, keys: readonly string[]): readonly string[] {
  if (!Array.isArray(keys)) throw errorOf(task, 'INVALID_KEY', `keys must be an array, not ${describe(keys)}`);
  const stored: string[] = new Array(keys.length);
  // Not `map`, which skips the holes of a sparse array.
  for (let index = 0; index < keys.length; index++) {
    task.key = keys[index];
    stored[index] = storedKey(task);
  }
  // The driver may leave the key of a batch of one out of errors, as for a single-key operation.
  if (keys.length > 1) task.key = undefined;
  return stored;
}

/** The pairs as an array, from a single pass over the iterable. */
export function pairsOf(task: Task, pairs: Iterable<readonly [string, unknown]>): (readonly [string, unknown])[] {
  let list: (readonly [string, unknown])[];
  try {
    list = [...pairs];
  } catch (error) {
    const reason = `pairs must be an iterable of [key, value], not ${describe(pairs)}`;
    throw errorOf(task, 'INVALID_KEY', reason, { cause: createCause({ name: nameOf(error) }) });
  }
  if (list.every((pair) => Array.isArray(pair) && pair.length === 2)) return list;
  throw errorOf(task, 'INVALID_KEY', 'each pair must be an array of a key and a value');
}

export function ttlOf(task: Task, options: WriteOptions | undefined): number | undefined {
  if (options === undefined) return undefined;
  if (typeof options !== 'object' || options === null) {
    throw errorOf(task, 'INVALID_TTL', `options must be an object such as { ttl: 60 }, not ${describe(options)}`);
  }
  const { ttl } = options;
  const reason = invalidTtl(ttl);
  if (reason !== undefined) throw errorOf(task, 'INVALID_TTL', reason);
  return ttl;
}

export function typeOf(task: Task, options: ReadOptions<unknown> | undefined): ValueType<unknown> | undefined {
  if (options === undefined) return undefined;
  const type = typeof options === 'object' && options !== null ? options.type : null;
  if (type === undefined ? !isValueType(options) : isValueType(type)) return type as ValueType<unknown> | undefined;
  const reason = 'options must be an object such as { type: schema }, with a Standard Schema or a function';
  throw errorOf(task, 'INVALID_OPTIONS', reason);
}

export function checkDelta(task: Task, delta: number): void {
  if (Number.isSafeInteger(delta)) return;
  const what = typeof delta === 'number' ? String(delta) : describe(delta);
  throw errorOf(task, 'INVALID_DELTA', `a delta must be a safe integer, not ${what}`);
}
