import { superjsonSerializer, utf8Bytes } from '@ninefold/core';

/** A value serialised by core's serializer, so that later changes to it are not seen. */
export interface Serialized {
  /** `undefined` if it cannot be serialised. A custom serializer of the backend perhaps can. */
  readonly text: string | undefined;
  /** Why it cannot be serialised, with the place in the value. */
  readonly reason: string | undefined;
}

export function serialize(value: unknown): Serialized {
  try {
    return { text: superjsonSerializer.serialize(value), reason: undefined };
  } catch (error) {
    return { text: undefined, reason: error instanceof Error ? error.message : undefined };
  }
}

function copyOf({ text }: Serialized, value: unknown): unknown {
  return text === undefined ? value : superjsonSerializer.deserialize(text);
}

/** Returns a function that makes copies of the value as it is now. A value that cannot be serialised is shared. */
export function copierOf(value: unknown): () => unknown {
  if (!isMutable(value)) return () => value;
  const serialized = serialize(value);
  return () => copyOf(serialized, value);
}

/** A value to be stored. */
export interface Snapshot {
  /** As it was when the snapshot was taken. */
  readonly value: unknown;
  /** Core's serializer cannot write it, or only in too many bytes, so the backend may refuse it. */
  readonly mayBeRefused: boolean;
}

/** Bytes of an entry beside its value and its tags. */
const ENTRY_BYTES = 64;

/** `maxBytes`: the size of text that the backend is sure to take. */
export function snapshot(value: unknown, maxBytes: number): Snapshot {
  const room = maxBytes - ENTRY_BYTES;
  // A code unit takes at most six bytes if escaped, and three otherwise: only texts in between need counting.
  const isLong = typeof value === 'string' && 6 * value.length > room;
  if (!isMutable(value) && !isLong) {
    return { value, mayBeRefused: typeof value === 'function' || typeof value === 'symbol' };
  }
  // In an array, as in an entry: what is just within a limit of the serializer alone may be beyond it there.
  const boxed = [value];
  const serialized = serialize(boxed);
  const { text } = serialized;
  const mayBeRefused = text === undefined || (3 * text.length > room && utf8Bytes(text) > room);
  return { value: isMutable(value) ? (copyOf(serialized, boxed) as readonly unknown[])[0] : value, mayBeRefused };
}

function isMutable(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
