import type { CacheBackend } from '../backend.ts';
import { scoped } from './scoped.ts';
import { type Interceptor, wrapWith } from './wrapper.ts';

/** Passes each call of a backend, and of its scopes, through `intercept`. Its `close` closes the wrapped backend. */
export function wrap(backend: CacheBackend, intercept: Interceptor): CacheBackend {
  return wrapWith(backend, intercept, (namespace) => wrap(scoped(backend, namespace), intercept));
}
