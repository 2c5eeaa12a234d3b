import { type CacheBackend, createBackend, invalidOptions, type RemoteOptions } from '@ninefold/core';
import type { RedisOptions } from 'ioredis';
import { createSender, UnusableOption } from './create-sender.ts';
import { RedisDriver, redisCapabilities } from './driver.ts';
import type { RedisClient } from './provided-client.ts';

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
export type { RedisClient } from './provided-client.ts';

/** Exactly one of `url`, `cluster`, `sentinels` and `client` is given. */
export interface RedisBackendOptions extends RemoteOptions {
  /** One server: `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS. */
  readonly url?: string | undefined;
  /** URLs of some nodes of a Redis Cluster, with the same user, password and protocol. The other nodes are discovered. */
  readonly cluster?: readonly string[] | undefined;
  /** Sentinels that monitor the primary. */
  readonly sentinels?: RedisSentinels | undefined;
  /** A `Redis` or `Cluster` of ioredis 5 or 6. It keeps its own settings, and the backend does not close it. */
  readonly client?: RedisClient | undefined;
  /** Milliseconds; default 1,000. */
  readonly timeoutMs?: number | undefined;
  /** UTF-8 bytes of the largest text; default 536,870,912, the default of the server's `proto-max-bulk-len`. */
  readonly maxValueBytes?: number | undefined;
  /** Further ioredis options, such as `tls`. Those that the contract depends on are overridden. */
  readonly redis?: RedisOptions | undefined;
}

export interface RedisSentinels {
  /** The name that the sentinels have for the primary. */
  readonly name: string;
  /** URLs of the sentinels, with their user and password; those of the primary are options in `redis`. */
  readonly urls: readonly string[];
}

const DEFAULT_TIMEOUT_MS = 1000;

/** A cache in Redis: one server, a Cluster, or a primary behind Sentinels. Does no I/O until it is used. Throws `INVALID_OPTIONS`. */
export function redisBackend(options: RedisBackendOptions): CacheBackend {
  const timeoutMs = options?.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const maxValueBytes = options?.maxValueBytes ?? redisCapabilities.maxValueBytes;
  try {
    if (!Number.isSafeInteger(maxValueBytes) || (maxValueBytes ?? 0) <= 0)
      throw new UnusableOption('maxValueBytes must be a whole number of bytes above 0');
    const driver = new RedisDriver(createSender(options ?? {}, timeoutMs), { ...redisCapabilities, maxValueBytes });
    return createBackend(driver, { ...options, timeoutMs });
  } catch (error) {
    throw error instanceof UnusableOption ? invalidOptions('redis', options, error.message) : error;
  }
}
