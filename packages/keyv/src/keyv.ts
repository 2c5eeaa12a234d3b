import { type CacheBackend, createBackend, invalidOptions, type RemoteOptions } from '@ninefold/core';
import { KeyvDriver, type KeyvStore } from './driver.ts';

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
export { type KeyvStore, keyvCapabilities } from './driver.ts';

export interface KeyvBackendOptions extends RemoteOptions {
  /** A Keyv store adapter, such as `new KeyvRedis(url, { throwOnErrors: true })`, or a `Map`. The caller closes it. */
  readonly store: KeyvStore | undefined;
  /** Milliseconds after which a call whose I/O is still pending rejects with `TIMEOUT`; default 1,000. */
  readonly timeoutMs?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 1000;

/**
 * Creates a cache in a Keyv store, without counters: `incr` rejects `UNSUPPORTED`. Does no I/O until it is used. Throws
 * `INVALID_OPTIONS`.
 */
export function keyvBackend(options: KeyvBackendOptions): CacheBackend {
  const { store, timeoutMs = DEFAULT_TIMEOUT_MS } = options ?? {};
  if (store === undefined)
    throw invalidOptions('keyv', options, 'store is missing: give { store }, an adapter of Keyv or a Map');
  if (!isStore(store)) throw invalidOptions('keyv', options, 'store must have the methods get, set and delete');
  return createBackend(new KeyvDriver(store), { ...options, timeoutMs });
}

function isStore(thing: unknown): thing is KeyvStore {
  if (typeof thing !== 'object' || thing === null) return false;
  const { get, set, delete: remove } = thing as { readonly [method: string]: unknown };
  return [get, set, remove].every((method) => typeof method === 'function');
}
