import { describe } from './keys.ts';

/** The longest TTL, in seconds: about 31 years. */
export const MAX_TTL = 1_000_000_000;

/** Why a TTL is invalid; `undefined` if it is valid. `undefined` is a valid TTL: the entry never expires. */
export function invalidTtl(ttl: unknown): string | undefined {
  if (ttl === undefined) return undefined;
  if (typeof ttl !== 'number') return `a TTL must be a number of seconds, not ${describe(ttl)}`;
  if (!Number.isFinite(ttl)) return `a TTL must be finite, not ${ttl}`;
  // In some caches 0 means "already expired", in others "never expires".
  if (ttl <= 0) return `a TTL must be above 0 seconds, not ${ttl}; to remove an entry, delete it`;
  return ttl > MAX_TTL
    ? 'a TTL must be at most 1,000,000,000 seconds; leave it out for an entry that never expires'
    : undefined;
}
