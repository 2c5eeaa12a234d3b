import type { Found, Stored } from './driver.ts';
import { nameOf } from './errors.ts';
import { type Serializer, superjsonSerializer, ValueError } from './serializer.ts';

/** A safe integer as it lies on the wire; what a server's own increment works on. */
const INTEGER = /^(?:0|-?[1-9][0-9]*)$/;
const OPENING_BRACE = 0x7b;

/** Turns a value into what a driver stores, or throws a `ValueError` that says why it cannot come back equal. */
export function encodeValue(serializer: Serializer, value: unknown): Stored {
  if (typeof value === 'number' && Number.isSafeInteger(value) && !Object.is(value, -0)) return value;
  if (value === undefined) throw new ValueError('$: undefined, which is what a miss looks like');
  const text = serialize(serializer, value);
  return serializer === superjsonSerializer ? text : checkText(text);
}

function serialize(serializer: Serializer, value: unknown): string {
  try {
    return serializer.serialize(value);
  } catch (error) {
    if (error instanceof ValueError) throw error;
    throw new ValueError(`$: the serializer threw ${nameOf(error)}`);
  }
}

function checkText(text: unknown): string {
  if (typeof text !== 'string') throw new ValueError(`$: the serializer returned no string but ${typeof text}`);
  if (text === '') throw new ValueError('$: the serializer returned an empty text');
  if (!text.isWellFormed()) throw new ValueError('$: the serializer returned a text with lone surrogates');
  if (INTEGER.test(text)) throw new ValueError('$: the serializer returned a text that would be read as a counter');
  return text;
}

/** Turns what a driver found into the value, or throws; anything thrown means that the entry is unreadable. */
export function decodeValue(serializer: Serializer, found: Exclude<Found, undefined>): unknown {
  if (typeof found === 'string') {
    if (found.charCodeAt(0) === OPENING_BRACE) return defined(serializer.deserialize(found));
    if (INTEGER.test(found)) return safeInteger(Number(found));
    if (found !== '' && serializer !== superjsonSerializer) return defined(serializer.deserialize(found));
    throw new Error('neither an integer nor an envelope');
  }
  return safeInteger(found);
}

function safeInteger(number: number | null): number {
  if (!Number.isSafeInteger(number)) throw new Error('an integer beyond the safe range');
  return number as number;
}

function defined(value: unknown): unknown {
  if (value === undefined) throw new Error('no value');
  return value;
}
