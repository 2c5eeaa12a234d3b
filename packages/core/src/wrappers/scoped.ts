import type { CacheBackend } from '../backend.ts';
import { checkBackend, checkOptions } from '../options.ts';
import { prefixed } from './prefixed.ts';
import { SCOPE, type Scope } from './wrapper.ts';

export { SCOPE } from './wrapper.ts';

/**
 * A view of a backend under a longer namespace, with the same connection and options: for tenants, deploys, tests. The
 * backend itself reaches these entries under `namespace:key`. Closing the view does not close the backend or its
 * connection; closing the backend closes the view too. Throws `INVALID_OPTIONS`.
 */
export function scoped(backend: CacheBackend, namespace: string): CacheBackend {
  checkBackend(backend);
  checkOptions(backend.name, { namespace: namespace ?? '' });
  const scope = (backend as { readonly [SCOPE]?: Scope })[SCOPE];
  return scope === undefined ? prefixed(backend, `${namespace}:`) : scope.call(backend, namespace);
}
