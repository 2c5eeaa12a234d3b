import type { CacheBackend } from '../backend.ts';
import { checkOptions } from '../options.ts';
import { PrefixedBackend } from './prefixed.ts';

/**
 * How a backend offers a view of itself under a namespace, so that a scoped key may have the full length. Optional: a
 * backend that lacks it has its keys prefixed, and the prefix counts towards their length.
 */
export const SCOPE: unique symbol = Symbol.for('ninefold.scope') as never;

/**
 * The same backend, connection and options under a longer namespace: for tenants, deploys, tests. Closing it closes
 * neither the backend nor its connection; closing the backend closes it. Throws `INVALID_OPTIONS`.
 */
export function scoped(backend: CacheBackend, namespace: string): CacheBackend {
  if (typeof namespace !== 'string') checkOptions(backend.name, { namespace: '' });
  checkOptions(backend.name, { namespace });
  const scope = (backend as { readonly [SCOPE]?: (namespace: string) => CacheBackend })[SCOPE];
  return scope === undefined ? new PrefixedBackend(backend, `${namespace}:`) : scope.call(backend, namespace);
}
