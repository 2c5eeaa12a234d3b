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

/** Of `url`, `client`, `cluster` and `sentinels` exactly one. */
export interface RedisBackendOptions extends RemoteOptions {
  /** One server: `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS. */
  readonly url?: string | undefined;
  /** Some nodes of a Redis Cluster, by their URLs, which share user, password and protocol. The others are found. */
  readonly cluster?: readonly string[] | undefined;
  /** Sentinels that know where the primary is. */
  readonly sentinels?: RedisSentinels | undefined;
  /** `Redis` or `Cluster` of ioredis 5 or 6. It is used as it is, with its own settings, and not closed. */
  readonly client?: RedisClient | undefined;
  /** Milliseconds; default 1,000. */
  readonly timeoutMs?: number | undefined;
  /** UTF-8 bytes of the largest text; default 536,870,912, as the server's `proto-max-bulk-len` has it. */
  readonly maxValueBytes?: number | undefined;
  /** Further options of ioredis, such as `tls`; those on which the contract stands are set over them. */
  readonly redis?: RedisOptions | undefined;
}

export interface RedisSentinels {
  /** What the sentinels call the primary. */
  readonly name: string;
  /** Their URLs, whose user and password are those of the sentinels; the primary's are options in `redis`. */
  readonly urls: readonly string[];
}

const DEFAULT_TIMEOUT_MS = 1000;

/** A cache in Redis: one server, a Cluster, or a primary that sentinels watch. Does no I/O until it is used. Throws `INVALID_OPTIONS`. */
export function redisBackend(options: RedisBackendOptions): CacheBackend {
  const timeoutMs = options?.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const maxValueBytes = options?.maxValueBytes ?? redisCapabilities.maxValueBytes;
  try {
    if (!Number.isSafeInteger(maxValueBytes) || (maxValueBytes ?? 0) <= 0)
      throw new UnusableOption('maxValueBytes is a whole number of bytes above 0');
    const driver = new RedisDriver(createSender(options ?? {}, timeoutMs), { ...redisCapabilities, maxValueBytes });
    return createBackend(driver, { ...options, timeoutMs });
  } catch (error) {
    throw error instanceof UnusableOption ? invalidOptions('redis', options, error.message) : error;
  }
}
