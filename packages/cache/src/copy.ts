import { superjsonSerializer, utf8Bytes } from '@ninefold/core';

/** A value serialized down, so that later changes of it are not seen. */
export interface Serialized {
  /** `undefined` for what cannot be written so, but perhaps by the backend's own serializer. */
  readonly text: string | undefined;
  /** Why it cannot, with the place in it. */
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

/** Gives copies of a value as it is at this moment; what cannot be serialized is shared. */
export function copierOf(value: unknown): () => unknown {
  if (!isMutable(value)) return () => value;
  const serialized = serialize(value);
  return () => copyOf(serialized, value);
}

/** What is given to be stored. */
export interface Snapshot {
  /** As it is at this moment. */
  readonly value: unknown;
  /** Ours cannot write it, or not in so many bytes, so the backend may refuse it. */
  readonly mayBeRefused: boolean;
}

/** Bytes of an entry beside its value; tags, and what is no plain data, may take more. */
const ENTRY_BYTES = 64;

/** `most`: the bytes of text that the backend takes for sure. */
export function snapshot(value: unknown, maxBytes: number): Snapshot {
  const room = maxBytes - ENTRY_BYTES;
  // Escaped, a character takes six bytes, and else three at the most: only texts in between need counting.
  const isLong = typeof value === 'string' && 6 * value.length > room;
  if (!isMutable(value) && !isLong) {
    return { value, mayBeRefused: typeof value === 'function' || typeof value === 'symbol' };
  }
  const serialized = serialize(value);
  const { text } = serialized;
  const mayBeRefused = text === undefined || (3 * text.length > room && utf8Bytes(text) > room);
  return { value: isMutable(value) ? copyOf(serialized, value) : value, mayBeRefused };
}

function isMutable(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
