import { CacheError, type CacheErrorCode, isCacheError } from '@ninefold/core';
import { keyOf } from './fence.ts';

/** The error for invalid input. `Events.forCaller` fills in the backend and the operation. */
export function refusal(code: CacheErrorCode, reason: string, key?: string): CacheError {
  return new CacheError({ code, backend: 'cache', operation: 'create', reason, key });
}

/**
 * The caller's key for an error, instead of the name in the backend. `keyOfCall` gives the key of a call for one key:
 * the request that failed may have been shared, and the error may name another's key.
 */
export function callerKeyOf({ key }: CacheError, keyOfCall?: () => string | undefined): string | undefined {
  return key === undefined ? undefined : (keyOfCall?.() ?? keyOf(key));
}

/** Waits for all, then rejects with the first failure in their order. */
export async function settleAll(parts: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.allSettled(parts);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/**
 * Waits for parallel writes and the reads beside them, then rejects with the first failure. Its `maybeApplied` says
 * whether any of the writes may have been applied.
 */
export async function settleWrites(
  writes: readonly Promise<unknown>[],
  ...reads: readonly Promise<unknown>[]
): Promise<void> {
  const outcomes = await Promise.allSettled([...writes, ...reads]);
  const failure = outcomes.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
  if (failure === undefined) return;
  const maybeApplied = outcomes.slice(0, writes.length).some(mayBeApplied);
  throw isCacheError(failure.reason) ? failure.reason.with({ maybeApplied }) : failure.reason;
}

function mayBeApplied(outcome: PromiseSettledResult<unknown>): boolean {
  return outcome.status === 'fulfilled' || !isCacheError(outcome.reason) || outcome.reason.maybeApplied;
}
