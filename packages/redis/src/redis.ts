import { type CacheBackend, createBackend, invalidOptions } from '@ninefold/core';
import { createSender, UnusableOption } from './create-sender.ts';
import { RedisDriver, redisCapabilities } from './driver.ts';
import type { RedisBackendOptions } from './options.ts';

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
export type {
  RedisBackendOptions,
  RedisClientOptions,
  RedisClusterOptions,
  RedisSentinels,
  RedisSentinelsOptions,
  RedisUrlOptions,
} from './options.ts';
export type { RedisClient } from './provided-client.ts';

const DEFAULT_TIMEOUT_MS = 1000;

/**
 * Creates a cache in Redis: one server, a Cluster, or a primary behind Sentinels. Does no I/O until it is used. Throws
 * `INVALID_OPTIONS`.
 */
export function redisBackend(options: RedisBackendOptions): CacheBackend {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, maxValueBytes = redisCapabilities.maxValueBytes } = options ?? {};
  try {
    if (!Number.isSafeInteger(maxValueBytes) || (maxValueBytes ?? 0) <= 0)
      throw new UnusableOption('maxValueBytes must be a whole number of bytes above 0');
    const driver = new RedisDriver(createSender(options ?? {}, timeoutMs), { ...redisCapabilities, maxValueBytes });
    return createBackend(driver, { ...options, timeoutMs });
  } catch (error) {
    throw error instanceof UnusableOption ? invalidOptions('redis', options, error.message) : error;
  }
}
