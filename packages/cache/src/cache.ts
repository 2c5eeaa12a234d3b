import type { CacheBackend } from '@ninefold/core';
import type { Cache } from './contract.ts';
import { type CacheOptions, checkOptions } from './options.ts';
import { ReadThroughCache } from './read-through.ts';

export {
  type CacheBackend,
  CacheError,
  type CacheErrorCode,
  isCacheError,
  type StandardSchemaV1,
  type ValueType,
} from '@ninefold/core';
export type { Clock } from './clock.ts';
export type { Cache, Schema } from './contract.ts';
export type { CacheEvent, CacheListener, CacheOperation } from './events.ts';
export type { LoadContext } from './flight.ts';
export type { Key, KeyPart } from './key.ts';
export type {
  CacheOptions,
  CountOptions,
  GetOptions,
  LoadOptions,
  LoadTtl,
  SetOptions,
  WrapOptions,
} from './options.ts';

/**
 * Creates a read-through cache on any backend whose `incr` is atomic. Caches on the same server and namespace share all
 * entries; a scope of the backend (`scoped` of core) has its own. Does no I/O. Throws `INVALID_OPTIONS`.
 */
export function createCache(backend: CacheBackend, options: CacheOptions = {}): Cache {
  return new ReadThroughCache(backend, checkOptions(backend, options));
}
