import {
  type CacheBackend,
  type CacheError,
  invalidOptions,
  invalidTtl,
  isCacheError,
  isValueType,
  type ValueType,
} from '@ninefold/core';
import { type Clock, systemClock } from './clock.ts';
import type { CacheListener } from './events.ts';
import { refusal } from './failure.ts';
import { MAX_TAGS } from './fence.ts';
import { isTag, type Key } from './key.ts';

export interface CacheOptions {
  /** TTL in seconds of entries and counters whose call sets none; default: they do not expire. */
  readonly ttl?: number | undefined;
  /** Seconds until a process that died during a load is replaced; default 10. Longer than any load should take. */
  readonly leaseTtl?: number | undefined;
  /** Milliseconds that a process waits for another's load of a key; default: until a lease has surely ended. */
  readonly waitMs?: number | undefined;
  /** After `waitMs`, a call loads without the lease (`load`, the default) or rejects `TIMEOUT` (`throw`). */
  readonly onWaitTimeout?: 'load' | 'throw' | undefined;
  /** Whether errors name the key (default) or omit it. Those of the backend omit it too if its own option says so. */
  readonly errorKeys?: 'shown' | 'hidden' | undefined;
  /** Receives each failure of the backend that a call tolerated. Its exceptions are raised as uncaught errors. */
  readonly onError?: ((error: CacheError) => void) | undefined;
  /** Receives each call, load and wait once it has settled. Its exceptions are raised as uncaught errors. */
  readonly listener?: CacheListener | undefined;
  /** For tests; default: the system clock. */
  readonly clock?: Clock | undefined;
  /** Returns a number in [0, 1), for the initial values of counters and for jitter; default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

export interface GetOptions<T> {
  /** Converts a hit. A value that it refuses is a miss. */
  readonly type?: ValueType<T> | undefined;
  /** The tags that the entry was stored with. If they are named, a hit takes one round trip instead of two. */
  readonly tags?: readonly string[] | undefined;
}

export interface CountOptions {
  /** Seconds; default: the `ttl` of the cache. */
  readonly ttl?: number | undefined;
}

export interface SetOptions extends CountOptions {
  /** `invalidateTags` with one of these makes the entry stale. */
  readonly tags?: readonly string[] | undefined;
}

/**
 * The TTL of a loaded value, in seconds: a number; or a function of the value as the loader returned it, whose result of 0
 * or less leaves the value unstored. `undefined`, also as a result: the `ttl` of the cache.
 */
export type LoadTtl<T> = number | ((value: T) => number | undefined) | undefined;

/** A `type` beside these options converts hits and loaded values. A hit that it refuses is loaded anew. */
export interface LoadOptions<T = unknown> extends Omit<SetOptions, 'ttl'> {
  readonly ttl?: LoadTtl<T>;
  /** Aborts this call, and the load if no other caller waits for it. */
  readonly signal?: AbortSignal | undefined;
}

export interface WrapOptions<A extends readonly unknown[], T = unknown> {
  readonly ttl?: LoadTtl<T>;
  /** The prefix of the keys, which the arguments follow; or a function that returns the whole key of a call. */
  readonly key: Key | ((...args: Inferred<A>) => Key);
  readonly tags?: readonly string[] | ((...args: Inferred<A>) => readonly string[]) | undefined;
}

/** Arguments that only the wrapped function determines: those above may take fewer. `NoInfer` does not work on a rest parameter. */
type Inferred<A extends readonly unknown[]> = A extends unknown ? A : never;

/** Every option of a cache, with its default; `undefined` for an option without one. */
export interface CheckedOptions {
  readonly ttl: number | undefined;
  readonly leaseTtl: number;
  /** Milliseconds after which a lease has surely ended. */
  readonly leaseMs: number;
  readonly waitMs: number;
  readonly onWaitTimeout: 'load' | 'throw';
  readonly errorKeys: 'shown' | 'hidden';
  readonly onError: ((error: CacheError) => void) | undefined;
  readonly listener: CacheListener | undefined;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Checks every option and fills in the defaults. Throws `INVALID_OPTIONS`. */
export function checkOptions(backend: CacheBackend, options: CacheOptions): CheckedOptions {
  const reason = invalidOption(backend, options);
  if (reason !== undefined) throw invalidOptions('cache', { name: backend?.name }, reason);
  const { ttl, leaseTtl = 10, onWaitTimeout = 'load', errorKeys = 'shown', onError, listener } = options;
  const { clock = systemClock, random = Math.random } = options;
  const leaseMs = 1000 * (leaseTtl + backend.capabilities.ttlGranularity + 1);
  const { waitMs = leaseMs } = options;
  return { ttl, leaseTtl, leaseMs, waitMs, onWaitTimeout, errorKeys, onError, listener, clock, random };
}

function invalidOption(backend: CacheBackend, options: CacheOptions): string | undefined {
  if (typeof backend?.multiGetValues !== 'function') return 'the first argument must be a backend of nine operations';
  if (!backend.capabilities?.atomicIncr) return 'a cache needs an atomic incr, which this backend lacks';
  if (typeof options !== 'object' || options === null) return 'options must be an object such as { ttl: 60 }';
  const { ttl, leaseTtl, waitMs, onWaitTimeout, errorKeys, onError, listener, clock, random } = options;
  for (const [name, seconds] of Object.entries({ ttl, leaseTtl })) {
    const wrong = invalidTtl(seconds);
    if (wrong !== undefined) return `${name}: ${wrong}`;
  }
  if (waitMs !== undefined && !(typeof waitMs === 'number' && waitMs >= 0 && Number.isFinite(waitMs))) {
    return 'waitMs must be a number of milliseconds, 0 or above';
  }
  if (onWaitTimeout !== undefined && onWaitTimeout !== 'load' && onWaitTimeout !== 'throw') {
    return "onWaitTimeout must be 'load' or 'throw'";
  }
  if (errorKeys !== undefined && errorKeys !== 'shown' && errorKeys !== 'hidden') {
    return "errorKeys must be 'shown' or 'hidden'";
  }
  for (const [name, option] of Object.entries({ onError, listener, random })) {
    if (option !== undefined && typeof option !== 'function') return `${name} must be a function`;
  }
  const isClock = clock === undefined || (typeof clock?.now === 'function' && typeof clock.wait === 'function');
  return isClock ? undefined : 'clock must have the methods now and wait';
}

/** The checked options of one call. */
export interface Call {
  readonly ttl: number | undefined;
  /** The TTL of a loaded value, in place of `ttl`. */
  readonly ttlOf: ((value: never) => number | undefined) | undefined;
  readonly tags: readonly string[];
  readonly type: ValueType<unknown> | undefined;
  readonly signal: AbortSignal | undefined;
}

export type CallOptions = LoadOptions<never> & GetOptions<unknown>;

/** Checks the options of a call, before anything is sent or loaded. */
export function checkCall(options: CallOptions, defaultTtl: number | undefined): Call {
  if (typeof options !== 'object' || options === null) {
    throw refusal('INVALID_OPTIONS', 'options must be an object such as { ttl: 60 }');
  }
  const { ttl: given = defaultTtl, tags, type, signal } = options;
  const ttlOf = typeof given === 'function' ? given : undefined;
  const ttl = typeof given === 'function' ? defaultTtl : given;
  checkTtl(ttl);
  if (type !== undefined && !isValueType(type))
    throw refusal('INVALID_OPTIONS', 'type must be a Standard Schema or a function');
  if (signal !== undefined && !isSignal(signal)) throw refusal('INVALID_OPTIONS', 'signal must be an AbortSignal');
  return { ttl, ttlOf, tags: tags === undefined ? [] : checkTags(tags), type, signal };
}

/** A function is a TTL only where values are loaded. */
export function checkFixedTtl(call: Call): Call {
  if (call.ttlOf !== undefined) checkTtl(call.ttlOf as never);
  return call;
}

export function checkTtl(ttl: number | undefined, key?: string): void {
  const reason = invalidTtl(ttl);
  if (reason !== undefined) throw refusal('INVALID_TTL', reason, key);
}

function isSignal(signal: AbortSignal | null): boolean {
  if (typeof signal?.aborted !== 'boolean') return false;
  return typeof signal.addEventListener === 'function' && typeof signal.removeEventListener === 'function';
}

export function checkLoader<T>(loader: T): T {
  if (typeof loader === 'function') return loader;
  throw refusal('INVALID_OPTIONS', 'the loader must be a function');
}

export function checkWrap<T extends WrapOptions<never, never> & Pick<GetOptions<unknown>, 'type'>>(
  backend: string,
  fn: unknown,
  options: T,
): T {
  try {
    const key: unknown = options?.key;
    if (typeof key !== 'string' && typeof key !== 'function' && !Array.isArray(key)) {
      throw refusal('INVALID_OPTIONS', "options must have a key, such as { key: 'user' }");
    }
    if (typeof fn !== 'function') throw refusal('INVALID_OPTIONS', 'the first argument must be the function to wrap');
    // Tags of a function are checked at each call.
    const tags = typeof options.tags === 'function' ? undefined : options.tags;
    checkCall({ ...options, tags }, undefined);
    return options;
  } catch (error) {
    throw isCacheError(error) ? error.with({ backend, operation: 'wrap' }) : error;
  }
}

/** Checks the tags and drops duplicates. */
export function checkTags(tags: readonly string[]): readonly string[] {
  if (Array.isArray(tags) && tags.length <= MAX_TAGS && [...tags].every(isTag)) return [...new Set(tags)];
  throw refusal(
    'INVALID_OPTIONS',
    'tags must be at most 1,000 non-empty, well-formed strings of at most 8,000 bytes: an array as an option, and invalidateTags(...tags)',
  );
}

/** Checked here, too: the generation is read, and perhaps created, before the backend receives the delta. */
export function checkDelta(key: string, delta: number | undefined): number | undefined {
  if (delta === undefined || Number.isSafeInteger(delta)) return delta;
  const what = typeof delta === 'number' ? `, not ${delta}` : '';
  throw refusal('INVALID_DELTA', `a delta must be a safe integer${what}`, key);
}

export function checkKeys(keys: readonly Key[]): readonly Key[] {
  if (Array.isArray(keys)) return keys;
  throw refusal('INVALID_KEY', 'keys must be an array');
}

export function checkPairs<T extends readonly [key: Key, value: unknown]>(
  pairs: readonly T[] | undefined,
): readonly T[] {
  if (pairs?.every((pair) => Array.isArray(pair) && pair.length === 2) === true) return pairs;
  throw refusal('INVALID_KEY', 'pairs must be an iterable of [key, value]');
}
