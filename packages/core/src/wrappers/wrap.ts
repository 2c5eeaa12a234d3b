import type { CacheBackend } from '../backend.ts';
import { scoped } from './scoped.ts';
import { type Around, Wrapper } from './wrapper.ts';

/** Lets each call of a backend, and of its scopes, go through `around`. Its `close` closes what it wraps. */
export function wrap(backend: CacheBackend, around: Around): CacheBackend {
  return new Wrapper(backend, around, (namespace) => wrap(scoped(backend, namespace), around));
}
