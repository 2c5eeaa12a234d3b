import type { ValueType } from './backend.ts';
import type { Found, Stored } from './driver.ts';
import { causeOf, createCause, nameOf } from './errors.ts';
import type { BackendOptions } from './options.ts';
import { check } from './serializer/legal-json.ts';
import { type Serializer, superjsonSerializer, ValueError } from './serializer.ts';
import { errorOf, type Task } from './task.ts';
import { applyType, isThenable, TypeMismatch } from './value-type.ts';

/** A safe integer in the wire format, on which a server's own increment works. */
const INTEGER = /^(?:0|-?[1-9]\d*)$/;
const OPENING_BRACE = 0x7b;

/** Encodes values for the driver; decodes what the driver read and applies `type`. */
export class ValueCodec {
  readonly #serializer: Serializer;
  readonly #missUnreadable: boolean;

  constructor({ serializer, onUnreadable }: BackendOptions) {
    this.#serializer = serializer ?? superjsonSerializer;
    this.#missUnreadable = onUnreadable === 'miss';
  }

  /** The form that a driver stores. Throws `INVALID_VALUE` for a value that could not come back equal. */
  encode(task: Task, value: unknown): Stored {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) return value as number;
    try {
      return serializeValue(this.#serializer, value);
    } catch (error) {
      const reason = error instanceof ValueError ? error.message : `$: the serializer threw ${nameOf(error)}`;
      throw errorOf(task, 'INVALID_VALUE', `cannot store ${reason}`);
    }
  }

  /** Decodes what the driver read and applies the type. Returns a promise only if the type does. */
  decode(task: Task, stored: string, found: Found, type: ValueType<unknown> | undefined): unknown {
    if (found === undefined) return undefined;
    try {
      const value = decodeStored(this.#serializer, found);
      if (type === undefined) return value;
      const output = applyType(type, value);
      return isThenable(output) ? output.then(undefined, (error) => this.#unreadable(error, task, stored)) : output;
    } catch (error) {
      return this.#unreadable(error, task, stored);
    }
  }

  /** `decode` for each item of a batch. The first failure in order is thrown after all types have settled. */
  decodeAll(
    task: Task,
    stored: readonly string[],
    found: readonly Found[],
    type: ValueType<unknown> | undefined,
  ): unknown[] | Promise<unknown[]> {
    if (found.length !== stored.length) {
      throw errorOf(task, 'BACKEND', `the driver returned ${found.length} values for ${stored.length} keys`);
    }
    // Allocated at full length: growing the array doubles the time of a small batch.
    const values: unknown[] = new Array(found.length);
    let waits = false;
    for (let index = 0; index < found.length; index++) {
      try {
        const value = this.decode(task, stored[index] as string, found[index] as Found, type);
        // A stored value may have a `then` property without being a promise.
        if (type !== undefined && isThenable(value)) waits = true;
        values[index] = value;
      } catch (error) {
        // The types of earlier values may still be pending, and must settle first.
        waits = true;
        values[index] = Promise.reject(error);
      }
    }
    // Once all have settled, `Promise.all` rejects with the first failure in order.
    return waits ? Promise.allSettled(values).then(() => Promise.all(values)) : values;
  }

  #unreadable(error: unknown, task: Task, stored: string): undefined {
    if (this.#missUnreadable) return undefined;
    const key = stored.slice(task.origin.prefix.length);
    if (!(error instanceof TypeMismatch)) {
      throw errorOf(task, 'CORRUPT', 'the stored entry cannot be read', { key, cause: causeOf(error) });
    }
    const { message, issues, thrown } = error;
    const cause = thrown === undefined ? undefined : createCause({ name: thrown });
    throw errorOf(task, 'TYPE_MISMATCH', message, { key, issues, cause });
  }
}

function serializeValue(serializer: Serializer, value: unknown): string {
  if (value === undefined) throw new ValueError('$: undefined, which means a miss');
  const text: unknown = serializer.serialize(value);
  const wrong = serializer === superjsonSerializer ? undefined : wrongText(text);
  if (wrong !== undefined) throw new ValueError(`$: the serializer returned ${wrong}`);
  return text as string;
}

function wrongText(text: unknown): string | undefined {
  if (typeof text !== 'string') return `${typeof text} instead of a string`;
  if (text === '') return 'an empty string';
  if (!text.isWellFormed()) return 'a string with lone surrogates';
  return INTEGER.test(text) ? 'a string that would be read as a counter' : undefined;
}

/** Decodes an entry. Any error thrown means that the entry is unreadable. */
function decodeStored(serializer: Serializer, found: Exclude<Found, undefined>): unknown {
  const isInteger = typeof found === 'string' && found.charCodeAt(0) !== OPENING_BRACE && INTEGER.test(found);
  const stored = isInteger ? Number(found) : found;
  if (typeof stored === 'string') {
    check(stored);
    const value = serializer.deserialize(stored);
    check(value !== undefined);
    return value;
  }
  check(Number.isSafeInteger(stored));
  return stored;
}
