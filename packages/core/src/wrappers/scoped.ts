import type { CacheBackend } from '../backend.ts';
import { checkOptions } from '../options.ts';
import { prefixed } from './prefixed.ts';
import { SCOPE, type Scope } from './wrapper.ts';

export { SCOPE } from './wrapper.ts';

/**
 * The same backend, connection and options under a longer namespace: for tenants, deploys, tests. Closing it closes
 * neither the backend nor its connection; closing the backend closes it. Throws `INVALID_OPTIONS`.
 */
export function scoped(backend: CacheBackend, namespace: string): CacheBackend {
  checkOptions(backend.name, { namespace: namespace ?? '' });
  const scope = (backend as { readonly [SCOPE]?: Scope })[SCOPE];
  return scope === undefined ? prefixed(backend, `${namespace}:`) : scope.call(backend, namespace);
}
