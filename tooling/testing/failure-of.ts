import { inspect } from 'node:util';
import { type CacheError, isCacheError } from '@ninefold/core';

/** The `CacheError` that a call rejects with; fails if it resolves, rejects with anything else, or shows a secret. */
export async function failureOf(call: Promise<unknown>, secrets: readonly string[] = []): Promise<CacheError> {
  try {
    await call;
  } catch (error) {
    if (!isCacheError(error)) throw new Error('rejected with something that is no CacheError', { cause: error });
    const shown = inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error) + String(error);
    const leaked = secrets.find((secret) => shown.includes(secret));
    if (leaked !== undefined) throw new Error('an error shows a secret or a value');
    return error;
  }
  throw new Error('resolved, where a failure was due');
}
