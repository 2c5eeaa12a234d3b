import { CacheError, type CacheErrorCode, isCacheError } from '@ninefold/core';
import { keyOf } from './fence.ts';

/** What a caller cannot have; of which call, and of which cache, `Events.forCaller` says. */
export function refusal(code: CacheErrorCode, reason: string): CacheError {
  return new CacheError({ code, backend: 'cache', operation: 'create', reason });
}

/**
 * The caller's key of an error, and not where the cache keeps what it knows of it: `calledKey` is the one that a call is about,
 * which may have shared the request that failed with another.
 */
export function callerKeyOf({ key }: CacheError, calledKey?: () => string | undefined): string | undefined {
  return key === undefined ? undefined : (calledKey?.() ?? keyOf(key));
}

/** Waits for all, and rejects with the first failure in their order. */
export async function settleAll(parts: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.allSettled(parts);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/**
 * Waits for writes side by side and the reads beside them. Rejects with the first failure, which says whether any of the
 * writes may have been applied.
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
