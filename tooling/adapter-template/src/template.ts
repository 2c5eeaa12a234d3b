import { type CacheBackend, createBackend, invalidOptions, type RemoteOptions } from '@ninefold/core';
import { type Entry, TemplateDriver } from './driver.ts';

export {
  type BackendOptions,
  type CacheBackend,
  CacheError,
  type CacheErrorCode,
  type Capabilities,
  isCacheError,
  type ReadOptions,
  type RemoteOptions,
  type Serializer,
  type ValueType,
  type WriteOptions,
} from '@ninefold/core';
export { type Entry, templateCapabilities } from './driver.ts';

export interface TemplateBackendOptions extends RemoteOptions {
  /** Holds the entries. Your adapter takes the URL of its server here, or a client that the caller passes in. */
  readonly store: Map<string, Entry> | undefined;
  /** Milliseconds after which a call whose I/O is still pending rejects with `TIMEOUT`; default 1,000. */
  readonly timeoutMs?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 1000;

/** Creates a cache in Template. Does no I/O until it is used. Throws `INVALID_OPTIONS`. */
export function templateBackend(options: TemplateBackendOptions): CacheBackend {
  const { store, timeoutMs = DEFAULT_TIMEOUT_MS } = options ?? {};
  if (!(store instanceof Map)) throw invalidOptions('template', options, 'store must be a Map');
  return createBackend(new TemplateDriver(store), { ...options, timeoutMs });
}
