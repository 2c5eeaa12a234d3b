import type { CacheBackend } from '../backend.ts';
import { CacheError, isCacheError } from '../errors.ts';
import { type WrappedCall, wrapWith } from './wrapper.ts';

/** Prefixes the keys of a backend that does not implement `SCOPE`. Its `close` closes only itself. */
export function prefixed(backend: CacheBackend, prefix: string): CacheBackend {
  let closed = false;
  // The backend refuses anything that is not a key, array or pair: it knows whether its errors may name keys.
  const stored = (key: unknown): unknown => (typeof key === 'string' && key !== '' ? prefix + key : key);

  return wrapWith(backend, async <T>({ operation, subject, run }: WrappedCall<T>): Promise<T> => {
    if (operation === 'close') {
      closed = true;
      return undefined as T;
    }
    if (closed)
      throw new CacheError({ code: 'CLOSED', backend: backend.name, operation, reason: 'the backend is closed' });
    try {
      switch (operation) {
        case 'multiGetValues':
        case 'deleteMany':
          return await run(Array.isArray(subject) ? Array.from(subject, stored) : subject);
        case 'multiSetValues':
          return await run(storedPairs(subject as Iterable<unknown>, stored));
        default:
          return await run(stored(subject));
      }
    } catch (error) {
      if (!isCacheError(error) || error.key?.startsWith(prefix) !== true) throw error;
      throw error.with({ key: error.key.slice(prefix.length) });
    }
  });
}

function* storedPairs(pairs: Iterable<unknown>, stored: (key: unknown) => unknown): Generator<unknown> {
  for (const pair of pairs) yield Array.isArray(pair) && pair.length === 2 ? [stored(pair[0]), pair[1]] : pair;
}
