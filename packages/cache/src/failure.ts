import { isCacheError } from '@ninefold/core';
import { keyOf } from './fence.ts';

/** An error that names the caller's key, and not where the cache keeps what it knows of it: `only` is the one that a call is about. */
export function asCallerKnows(error: unknown, only?: () => string | undefined): unknown {
  if (!isCacheError(error) || error.key === undefined) return error;
  const owner = keyOf(error.key) ?? only?.();
  return owner === error.key ? error : error.with({ key: owner });
}
