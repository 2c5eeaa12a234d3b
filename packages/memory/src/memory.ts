import {
  type BackendOptions,
  type CacheBackend,
  type CacheError,
  type Capabilities,
  createBackend,
  invalidOptions,
  MAX_KEY_BYTES,
} from '@ninefold/core';
import { ENTRY_BYTES, MemoryDriver, type MemoryStats } from './driver.ts';

export {
  type BackendOptions,
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
export type { MemoryStats } from './driver.ts';

const DEFAULT_MAX_ENTRIES = 100_000;
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
/**
 * A `Map` in V8 has at most 16,777,216 slots. It reclaims those of deleted keys only once they are half of all, so one that
 * always holds more than 8,388,608 keys throws after that many insertions, and for ever.
 */
const MAX_ENTRIES = 8_000_000;
/** The length of the longest key, with room for nested namespaces. */
const LONGEST_KEY_BYTES = MAX_KEY_BYTES + 1024;

export interface MemoryBackendOptions extends BackendOptions {
  /** The maximum number of entries, up to 8,000,000; default 100,000. Beyond it the least recently used is evicted. */
  readonly maxEntries?: number | undefined;
  /** The maximum size of all entries together, in bytes as in `MemoryStats`; default 67,108,864 (64 MiB). */
  readonly maxBytes?: number | undefined;
  /** A monotonic clock, in milliseconds from any origin; default `performance.now`. */
  readonly now?: (() => number) | undefined;
}

/** A backend whose entries live in this process. */
export interface MemoryBackend extends CacheBackend {
  /** Counts the stored entries. Deletes expired ones first, in a walk over all entries. */
  stats(): MemoryStats;
}

/** The capabilities with the default options; `maxValueBytes` depends on `maxBytes`. */
export const memoryCapabilities: Capabilities = capabilitiesFor(DEFAULT_MAX_BYTES);

/** Creates a cache in the memory of this process, bounded by entries and bytes. Throws `INVALID_OPTIONS`. */
export function memoryBackend(options: MemoryBackendOptions = {}): MemoryBackend {
  const { maxEntries, maxBytes, now } = checkOptions(options);
  const driver = new MemoryDriver(capabilitiesFor(maxBytes), { maxEntries, maxBytes }, now);
  return Object.assign(createBackend(driver, options), { stats: () => driver.stats() });
}

function capabilitiesFor(maxBytes: number): Capabilities {
  return Object.freeze({
    shared: false,
    atomicIncr: true,
    ttlGranularity: 0.001,
    maxValueBytes: Math.max(0, maxBytes - LONGEST_KEY_BYTES - ENTRY_BYTES),
  });
}

function checkOptions(options: MemoryBackendOptions) {
  if (typeof options !== 'object' || options === null)
    throw invalid({}, 'options must be an object such as { maxEntries }');
  const { maxEntries = DEFAULT_MAX_ENTRIES, maxBytes = DEFAULT_MAX_BYTES, now = () => performance.now() } = options;
  if (!isCount(maxEntries) || maxEntries > MAX_ENTRIES) {
    throw invalid(options, 'maxEntries must be a whole number from 1 to 8,000,000');
  }
  if (!isCount(maxBytes)) throw invalid(options, 'maxBytes must be a whole number of bytes above 0');
  if (typeof now !== 'function') throw invalid(options, 'now must be a function that returns milliseconds');
  return { maxEntries, maxBytes, now };
}

function isCount(number: unknown): boolean {
  return Number.isSafeInteger(number) && (number as number) > 0;
}

function invalid(options: BackendOptions, reason: string): CacheError {
  return invalidOptions('memory', options, reason);
}
