import { type CacheBackend, createBackend, invalidOptions, type RemoteOptions } from '@ninefold/core';
import { type Entry, TemplateDriver } from './driver.ts';

export {
  type CacheBackend,
  CacheError,
  type CacheErrorCode,
  type Capabilities,
  isCacheError,
  type ReadOptions,
  type Serializer,
  type ValueType,
  type WriteOptions,
} from '@ninefold/core';
export { type Entry, templateCapabilities } from './driver.ts';

export interface TemplateBackendOptions extends RemoteOptions {
  /** Where entries lie; in your adapter, the server's URL or a client that the caller hands in. */
  readonly store: Map<string, Entry> | undefined;
  /** Milliseconds; default 1,000. */
  readonly timeoutMs?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 1000;

/** Does no I/O until it is used. Throws `INVALID_OPTIONS`. */
export function templateBackend(options: TemplateBackendOptions): CacheBackend {
  const store: unknown = options?.store;
  if (!(store instanceof Map)) throw invalidOptions('template', options, 'store is a Map');
  return createBackend(new TemplateDriver(store), { ...options, timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS });
}
