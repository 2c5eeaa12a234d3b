import { isTag } from './key.ts';

/** A value, the sum of the counters that it depends on, and its tags. */
export interface Entry {
  readonly value: unknown;
  readonly stamp: number;
  readonly tags: readonly string[];
}

export type Packed = readonly [value: unknown, stamp: number, ...tags: readonly string[]];

/** What is stored: the less, the faster a hit is read. */
export function pack({ value, stamp, tags }: Entry): Packed {
  return [value, stamp, ...tags];
}

/** An entry as it was stored, or `undefined` for what is none. */
export function unpack(stored: unknown): Packed | undefined {
  if (!Array.isArray(stored) || typeof stored[1] !== 'number') return undefined;
  for (let index = 2; index < stored.length; index++) if (!isTag(stored[index])) return undefined;
  return stored as unknown as Packed;
}
