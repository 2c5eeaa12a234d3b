import { CacheError } from './errors.ts';
import { describe, isNamespace } from './keys.ts';
import { MAX_TIMEOUT_MS } from './pending-call.ts';
import type { Serializer } from './serializer.ts';

/** What every backend takes. */
export interface BackendOptions {
  /** How this backend is called in errors. Default: the adapter's name. */
  readonly name?: string | undefined;
  /** `[A-Za-z0-9_.-]{1,64}`; entries are stored under `namespace:key`. Without one the backend shares all keys. */
  readonly namespace?: string | undefined;
  /** Replaces the default superjson serializer. Safe integers never reach it, so that `incr` works on them. */
  readonly serializer?: Serializer | undefined;
  /** What an entry that cannot be read, or that its `type` refuses, becomes: an error (default) or a miss. */
  readonly onUnreadable?: 'throw' | 'miss' | undefined;
  /** Whether errors name the key (default) or leave it out. */
  readonly errorKeys?: 'shown' | 'hidden' | undefined;
}

/** What every backend with a server takes besides. */
export interface RemoteOptions extends BackendOptions {
  /** Milliseconds after which the I/O of a call is given up with `TIMEOUT`. */
  readonly timeoutMs?: number | undefined;
}

/** Throws `INVALID_OPTIONS` for the first option that cannot be used; `name` is the adapter's. */
export function checkOptions(name: string, options: RemoteOptions): void {
  const reason = invalidOption(options);
  if (reason !== undefined) throw invalidOptions(name, options, reason);
}

/** What a factory throws for an option that it cannot use. It bears the caller's name for the backend, or the adapter's. */
export function invalidOptions(adapter: string, options: BackendOptions | undefined, reason: string): CacheError {
  const name: unknown = options?.name;
  const backend = typeof name === 'string' && name !== '' ? name : adapter;
  return new CacheError({ code: 'INVALID_OPTIONS', backend, operation: 'create', reason });
}

function invalidOption(options: RemoteOptions): string | undefined {
  if (typeof options !== 'object' || options === null) return `options are an object, not ${describe(options)}`;
  const { name, namespace, serializer, onUnreadable, errorKeys, timeoutMs } = options;
  if (name !== undefined && (typeof name !== 'string' || name === '')) return 'name is a non-empty string';
  if (namespace !== undefined && !isNamespace(namespace)) return 'namespace is 1 to 64 of A-Z a-z 0-9 _ . -';
  if (serializer !== undefined && !isSerializer(serializer))
    return 'serializer has the methods serialize and deserialize';
  if (onUnreadable !== undefined && onUnreadable !== 'throw' && onUnreadable !== 'miss') {
    return "onUnreadable is 'throw' or 'miss'";
  }
  if (errorKeys !== undefined && errorKeys !== 'shown' && errorKeys !== 'hidden')
    return "errorKeys is 'shown' or 'hidden'";
  if (timeoutMs === undefined || (typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS)) {
    return undefined;
  }
  return 'timeoutMs is a number of milliseconds above 0 and below 2^31';
}

function isSerializer(serializer: Serializer): boolean {
  return typeof serializer?.serialize === 'function' && typeof serializer.deserialize === 'function';
}
