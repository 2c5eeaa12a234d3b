import { inParts, type Stored, utf8Bytes } from '@ninefold/core';

/** Of the service's 10 MB: what a request may reach by the counts below, beside the names of its commands. */
export const MAX_REQUEST_BYTES = 9_900_000;

/** Bytes of a text and a comma in a JSON body. A short one is taken for as many as it can have: six for a control character. */
export function jsonBytes(text: string): number {
  return (text.length <= 1000 ? 6 * text.length + 2 : utf8Bytes(JSON.stringify(text))) + 1;
}

export function entryBytes([key, value]: readonly [key: string, value: Stored]): number {
  return jsonBytes(key) + (typeof value === 'number' ? 20 : jsonBytes(value));
}

export interface Parts<T> {
  readonly parts: readonly (readonly T[])[];
  /** Of all together. */
  readonly bytes: number;
}

/** As few parts as the requests of the service can carry. */
export function inRequests<T>(items: readonly T[], bytesOf: (item: T) => number): Parts<T> {
  let bytes = 0;
  const count = (item: T): number => {
    const own = bytesOf(item);
    bytes += own;
    return own;
  };
  const parts = inParts(items, { mostItems: items.length, mostBytes: MAX_REQUEST_BYTES, bytesOf: count });
  return { parts, bytes };
}
