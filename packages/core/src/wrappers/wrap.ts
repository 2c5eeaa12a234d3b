import type { CacheBackend } from '../backend.ts';
import { scoped } from './scoped.ts';
import { type Around, wrapWith } from './wrapper.ts';

/** Passes each call of a backend, and of its scopes, through `around`. Its `close` closes the wrapped backend. */
export function wrap(backend: CacheBackend, around: Around): CacheBackend {
  return wrapWith(backend, around, (namespace) => wrap(scoped(backend, namespace), around));
}
