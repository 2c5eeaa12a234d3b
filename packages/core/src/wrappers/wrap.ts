import type { CacheBackend } from '../backend.ts';
import { scoped } from './scoped.ts';
import { type Around, wrapWith } from './wrapper.ts';

/** Lets each call of a backend, and of its scopes, go through `around`. Its `close` closes what it wraps. */
export function wrap(backend: CacheBackend, around: Around): CacheBackend {
  return wrapWith(backend, around, (namespace) => wrap(scoped(backend, namespace), around));
}
