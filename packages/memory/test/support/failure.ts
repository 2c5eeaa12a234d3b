import { type CacheError, isCacheError } from '../../src/memory.ts';

/** The `CacheError` that a call rejects with; fails if it resolves or rejects with anything else. */
export async function failureOf(call: Promise<unknown>): Promise<CacheError> {
  try {
    await call;
  } catch (error) {
    if (isCacheError(error)) return error;
    throw new Error('rejected with something that is no CacheError', { cause: error });
  }
  throw new Error('resolved, where a failure was due');
}
