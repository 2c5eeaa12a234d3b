import { type CacheBackend, type Capabilities, createBackend } from '@ninefold/core';
import { MemcachedDriver } from './driver.ts';
import { managedTransport } from './managed-client.ts';
import { invalid, type MemcachedBackendOptions, type MemcachedUrlOptions, serverConfigs } from './options.ts';
import { providedClientTransport } from './provided-client.ts';
import type { MemcachedTransport } from './transport.ts';

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
export { keyInServer } from './keys.ts';
export type {
  MemcachedBackendOptions,
  MemcachedClientOptions,
  MemcachedServersOptions,
  MemcachedTransportOptions,
  MemcachedUrlOptions,
} from './options.ts';
export type { MemjsClient, MemjsResponse, MemjsServer } from './provided-client.ts';
export type { CounterAnswer, CounterChange, MemcachedTransport } from './transport.ts';

/** `maxValueBytes`: the room for a text in an item of 1 MiB, beside a key of 250 bytes. */
export const memcachedCapabilities: Capabilities = Object.freeze({
  shared: true,
  atomicIncr: true,
  ttlGranularity: 3,
  maxValueBytes: 1_048_267,
});

const DEFAULT_TIMEOUT_MS = 1000;

/** Creates a cache in one memcached server or several. Does no I/O until it is used. Throws `INVALID_OPTIONS`. */
export function memcachedBackend(options: MemcachedBackendOptions): CacheBackend {
  if (typeof options !== 'object' || options === null)
    throw invalid({}, 'options must be an object: { url } or { servers }');
  const { timeoutMs = DEFAULT_TIMEOUT_MS, maxValueBytes = memcachedCapabilities.maxValueBytes } = options;
  const transport = transportOf(options, timeoutMs);
  if (!Number.isSafeInteger(maxValueBytes) || (maxValueBytes ?? 0) <= 0) {
    throw invalid(options, 'maxValueBytes must be a whole number of bytes above 0');
  }
  const driver = new MemcachedDriver(transport, { ...memcachedCapabilities, maxValueBytes });
  return createBackend(driver, { ...options, timeoutMs });
}

function transportOf(options: MemcachedBackendOptions, timeoutMs: number): MemcachedTransport {
  const { url, servers, client, transport } = options;
  const given = [url, servers, client, transport].filter((way) => way !== undefined);
  if (given.length === 0)
    throw invalid(options, 'url is missing: memcached://host:port; or give servers, client or transport');
  if (given.length > 1) throw invalid(options, 'give one of url, servers, client and transport');
  const { username, password, tls } = options as Partial<MemcachedUrlOptions>;
  if ((client ?? transport) !== undefined && (username ?? password ?? tls) !== undefined)
    throw invalid(options, 'client and transport keep their own settings: leave out username, password and tls');
  if (client !== undefined) {
    if (typeof client?.server !== 'function') throw invalid(options, 'client must be a Client of memjs');
    return providedClientTransport(client);
  }
  if (transport === undefined) return managedTransport(serverConfigs(options, timeoutMs));
  const methods = ['getMany', 'setMany', 'deleteMany', 'incr', 'close'] as const;
  if (methods.some((method) => typeof transport?.[method] !== 'function')) {
    throw invalid(options, `transport must have the methods ${methods.join(', ')}`);
  }
  return transport;
}
