import { isTag } from './key.ts';

/** A value, its stamp (the sum of the counters that it depends on) and its tags. */
export interface Entry {
  readonly value: unknown;
  readonly stamp: number;
  readonly tags: readonly string[];
}

export type Packed = readonly [value: unknown, stamp: number, ...tags: readonly string[]];

/** The stored form of an entry. The smaller it is, the faster a hit is read. */
export function pack({ value, stamp, tags }: Entry): Packed {
  return [value, stamp, ...tags];
}

/** The entry in a stored value, or `undefined` if it is not an entry. */
export function unpack(stored: unknown): Packed | undefined {
  if (!Array.isArray(stored) || typeof stored[1] !== 'number') return undefined;
  for (let index = 2; index < stored.length; index++) if (!isTag(stored[index])) return undefined;
  return stored as unknown as Packed;
}
