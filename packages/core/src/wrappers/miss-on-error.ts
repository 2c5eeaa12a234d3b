import type { CacheBackend, Operation } from '../backend.ts';
import { type CacheError, type CacheErrorCode, isCacheError } from '../errors.ts';
import { checkBackend, invalidOptions } from '../options.ts';
import { raise } from './raise.ts';
import { wrap } from './wrap.ts';
import type { WrappedCall } from './wrapper.ts';

export interface MissOnErrorOptions {
  /** Called with each error that became a miss or a skipped write. If it throws, that is an uncaught exception. */
  readonly onError: (error: CacheError) => void;
}

/** Invalid arguments, unreadable entries and a closed backend remain errors. */
const SERVER_FAILED: ReadonlySet<CacheErrorCode> = new Set(['TIMEOUT', 'UNAVAILABLE', 'AUTH', 'BACKEND'] as const);

const nothing = (): undefined => undefined;
/** What a failed operation resolves. Those that are missing still reject. */
const FALLBACKS: Partial<Record<Operation, (keys: number) => unknown>> = {
  getValue: nothing,
  multiGetValues: (keys) => new Array(keys).fill(undefined),
  exists: () => false,
  setValue: nothing,
  multiSetValues: nothing,
};

/**
 * Keeps the application running when the server fails (`TIMEOUT`, `UNAVAILABLE`, `AUTH`, `BACKEND`): failed reads become
 * misses (`exists`: `false`), failed sets resolve, and `onError` receives each error. After a failed set the old entry may
 * remain; `maybeApplied` of the error says whether the new one may be stored. Other errors still reject, and so do
 * `delete`, `deleteMany` and `incr`, because an entry that should be gone or a wrong count is not a miss. Throws
 * `INVALID_OPTIONS`.
 */
export function missOnError(backend: CacheBackend, options: MissOnErrorOptions): CacheBackend {
  checkBackend(backend);
  const onError = options?.onError;
  if (typeof onError !== 'function') throw invalidOptions(backend.name, undefined, 'onError must be a function');
  return wrap(backend, async <T>({ operation, keys, run }: WrappedCall<T>): Promise<T> => {
    try {
      return await run();
    } catch (error) {
      const fallback = FALLBACKS[operation];
      if (!isCacheError(error) || !SERVER_FAILED.has(error.code) || fallback === undefined) throw error;
      raise(() => onError(error));
      return fallback(keys) as T;
    }
  });
}
