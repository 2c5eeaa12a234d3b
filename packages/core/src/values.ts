import type { ValueType } from './backend.ts';
import type { Found, Stored } from './driver.ts';
import { causeOf, createCause, nameOf } from './errors.ts';
import type { BackendOptions } from './options.ts';
import { type Serializer, superjsonSerializer, ValueError } from './serializer.ts';
import { errorOf, type Task } from './task.ts';
import { applyType, isThenable, TypeMismatch } from './value-type.ts';

/** A safe integer as it lies on the wire; what a server's own increment works on. */
const INTEGER = /^(?:0|-?[1-9][0-9]*)$/;
const OPENING_BRACE = 0x7b;

/** Turns values into what a driver stores, and what it found into values, as their type has them. */
export class Values {
  readonly #serializer: Serializer;
  readonly #missUnreadable: boolean;

  constructor({ serializer, onUnreadable }: BackendOptions) {
    this.#serializer = serializer ?? superjsonSerializer;
    this.#missUnreadable = onUnreadable === 'miss';
  }

  /** What a driver stores; throws `INVALID_VALUE` for what could not come back equal. */
  encode(task: Task, key: string, value: unknown): Stored {
    if (typeof value === 'number' && Number.isSafeInteger(value) && !Object.is(value, -0)) return value;
    try {
      return serialize(this.#serializer, value);
    } catch (error) {
      const reason = error instanceof ValueError ? error.message : `$: the serializer threw ${nameOf(error)}`;
      throw errorOf(task, 'INVALID_VALUE', reason, { key });
    }
  }

  /** The value of what was found, as its type has it: a promise only where the type is one. */
  read(task: Task, stored: string, found: Found, type: ValueType<unknown> | undefined): unknown {
    if (found === undefined) return undefined;
    try {
      const value = decode(this.#serializer, found);
      if (type === undefined) return value;
      const output = applyType(type, value);
      return isThenable(output) ? output.then(undefined, (error) => this.#unreadable(error, task, stored)) : output;
    } catch (error) {
      return this.#unreadable(error, task, stored);
    }
  }

  /** As `read`, for each of a batch; the first failure is thrown once the types of all have come to an end. */
  readAll(
    task: Task,
    stored: readonly string[],
    found: readonly Found[],
    type: ValueType<unknown> | undefined,
  ): unknown[] | Promise<unknown[]> {
    if (found.length !== stored.length) {
      throw errorOf(task, 'BACKEND', `the driver found ${found.length} values for ${stored.length} keys`);
    }
    // Of their length from the start: arrays that grow take twice the time of a small batch.
    const values: unknown[] = new Array(found.length);
    let waits = false;
    for (let index = 0; index < found.length; index++) {
      try {
        const value = this.read(task, stored[index] as string, found[index] as Found, type);
        // What is found may look like a promise and is none.
        if (type !== undefined && isThenable(value)) waits = true;
        values[index] = value;
      } catch (error) {
        // The types of earlier values may still be at work, and are waited for.
        waits = true;
        values[index] = Promise.reject(error);
      }
    }
    // Of those that have all settled, the first in order fails all.
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

function serialize(serializer: Serializer, value: unknown): string {
  if (value === undefined) throw new ValueError('$: undefined, which is what a miss looks like');
  const text: unknown = serializer.serialize(value);
  const wrong = serializer === superjsonSerializer ? undefined : wrongText(text);
  if (wrong !== undefined) throw new ValueError(`$: the serializer returned ${wrong}`);
  return text as string;
}

function wrongText(text: unknown): string | undefined {
  if (typeof text !== 'string') return `no string but ${typeof text}`;
  if (text === '') return 'an empty text';
  if (!text.isWellFormed()) return 'a text with lone surrogates';
  return INTEGER.test(text) ? 'a text that would be read as a counter' : undefined;
}

/** Anything thrown means that the entry is unreadable. */
function decode(serializer: Serializer, found: Exclude<Found, undefined>): unknown {
  if (typeof found !== 'string') return safeInteger(found);
  if (found.charCodeAt(0) !== OPENING_BRACE) {
    if (INTEGER.test(found)) return safeInteger(Number(found));
    if (found === '') throw new Error('no text');
  }
  const value = serializer.deserialize(found);
  if (value === undefined) throw new Error('no value');
  return value;
}

function safeInteger(number: number | null): number {
  if (!Number.isSafeInteger(number)) throw new Error('no safe integer');
  return number as number;
}
