import { inParts, type Stored, utf8Bytes } from '@ninefold/core';

/** Bytes of a request by the counts below. The rest of the service's 10 MB is for the names of the commands. */
export const MAX_REQUEST_BYTES = 9_900_000;

/** The most bytes that a text and a comma take in JSON: six per character of a short text, as control characters do. */
export function jsonBytes(text: string): number {
  return (text.length <= 1000 ? 6 * text.length + 2 : utf8Bytes(JSON.stringify(text))) + 1;
}

export function entryBytes([key, value]: readonly [key: string, value: Stored]): number {
  return jsonBytes(key) + (typeof value === 'number' ? 20 : jsonBytes(value));
}

export interface Parts<T> {
  readonly parts: readonly (readonly T[])[];
  /** Of all parts together. */
  readonly bytes: number;
}

/** Splits items into as few parts as the service's request limit allows. */
export function inRequests<T>(items: readonly T[], bytesOf: (item: T) => number): Parts<T> {
  let bytes = 0;
  const count = (item: T): number => {
    const own = bytesOf(item);
    bytes += own;
    return own;
  };
  const parts = inParts(items, { maxItems: items.length, maxBytes: MAX_REQUEST_BYTES, bytesOf: count });
  return { parts, bytes };
}
