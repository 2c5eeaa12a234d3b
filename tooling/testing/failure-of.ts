import { inspect } from 'node:util';
import { type CacheError, isCacheError } from '@ninefold/core';

/** Resolves to the `CacheError` of a call. Throws if the call resolves, rejects with another error, or shows a secret. */
export async function failureOf(call: Promise<unknown>, secrets: readonly string[] = []): Promise<CacheError> {
  try {
    await call;
  } catch (error) {
    if (!isCacheError(error)) throw new Error('rejected with an error that is not a CacheError', { cause: error });
    const shown = inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error) + String(error);
    const leaked = secrets.find((secret) => shown.includes(secret));
    if (leaked !== undefined) throw new Error('an error shows a secret or a value');
    return error;
  }
  throw new Error('resolved, but should have rejected');
}
