import { describe } from './keys.ts';

/** Seconds; about 31 years. */
export const MAX_TTL = 1_000_000_000;

/** Why this is no TTL, or `undefined` if it is one. `undefined` is a TTL: the entry never expires. */
export function invalidTtl(ttl: unknown): string | undefined {
  if (ttl === undefined) return undefined;
  if (typeof ttl !== 'number') return `a TTL is a number of seconds, not ${describe(ttl)}`;
  if (!Number.isFinite(ttl)) return `a TTL is finite, not ${ttl}`;
  // 0 means "already expired" in half the field and "for ever" in the other half.
  if (ttl <= 0) return `a TTL is above 0 seconds, not ${ttl}; to remove an entry, delete it`;
  return ttl > MAX_TTL
    ? 'a TTL is at most 1,000,000,000 seconds; leave it out for an entry that never expires'
    : undefined;
}
