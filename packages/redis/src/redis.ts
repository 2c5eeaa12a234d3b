import { type CacheBackend, type CacheError, createBackend, invalidOptions, type RemoteOptions } from '@ninefold/core';
import { Redis, type RedisOptions } from 'ioredis';
import { Connection, clientOptions, type Sender } from './connection.ts';
import { RedisDriver } from './driver.ts';

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
export { redisCapabilities } from './driver.ts';

export interface RedisBackendOptions extends RemoteOptions {
  /** `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS. */
  readonly url: string | undefined;
  /** Milliseconds; default 1,000. */
  readonly timeoutMs?: number | undefined;
  /** Further options of ioredis, such as `tls`; those on which the contract stands are set over them. */
  readonly redis?: RedisOptions | undefined;
}

const DEFAULT_TIMEOUT_MS = 1000;

/** A cache in one Redis server. Does no I/O until it is used. Throws `INVALID_OPTIONS`. */
export function redisBackend(options: RedisBackendOptions): CacheBackend {
  const url = checkUrl(options);
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  let connection: Connection | undefined;
  // Made when first used: the client makes timers and random numbers of its own.
  const connect = (): Connection => {
    connection ??= new Connection(() => new Redis(url, clientOptions(timeoutMs, options.redis ?? {})));
    return connection;
  };
  const lazy: Sender = {
    send: (call, command, args) => connect().send(call, command, args),
    close: () => connection?.close(),
  };
  return createBackend(new RedisDriver(lazy), { ...options, timeoutMs });
}

function checkUrl(options: RedisBackendOptions): string {
  const url: unknown = options?.url;
  // Its client would take localhost for a missing one, and quote a wrong one with its password.
  if (typeof url !== 'string' || url === '') throw invalid(options, 'url is missing: redis://host:port');
  if (!URL.canParse(url)) throw invalid(options, 'url is no URL; it is like redis://host:port');
  const { protocol, host } = new URL(url);
  if ((protocol !== 'redis:' && protocol !== 'rediss:') || host === '')
    throw invalid(options, 'url begins with redis:// or rediss:// and names a host');
  return url;
}

function invalid(options: RedisBackendOptions, reason: string): CacheError {
  return invalidOptions('redis', options, reason);
}
