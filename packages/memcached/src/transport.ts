import type { Awaitable, Call } from '@ninefold/core';

/**
 * Sends the adapter's requests to the servers: five methods, so that another protocol can replace the binary one. Keys are
 * legal in memcached: 1 to 250 bytes of `[\x21-\x7e]`. Failures are `DriverError`s of `@ninefold/core` that name the key
 * as it was passed. Integers, TTLs and deadlines are the adapter's responsibility.
 */
export interface MemcachedTransport {
  /** Texts in the order of the keys, `undefined` for misses. Keys may repeat. */
  getMany(keys: readonly string[], call: Call): Promise<readonly (string | undefined)[]>;
  /** `expires` is memcached's: seconds up to 30 days, above them a date in seconds since 1970; 0 is never. */
  setMany(entries: readonly (readonly [key: string, value: string])[], expires: number, call: Call): Promise<void>;
  /** Resolves how many keys existed and were deleted. */
  deleteMany(keys: readonly string[], call: Call): Promise<number>;
  /** Adds atomically. The request must be sent only once. */
  incr(change: CounterChange, call: Call): Promise<CounterAnswer>;
  /** Ends the transport's own connections, but not those of a client that it was given. */
  close(): Awaitable<void>;
}

export interface CounterChange {
  readonly key: string;
  /** May be negative. The server's counters are unsigned 64-bit integers that stop at 0. */
  readonly delta: bigint;
  /** The initial value and expiry of a missing counter; `undefined`: it is not created. */
  readonly create: { readonly value: bigint; readonly expires: number } | undefined;
  /** If set, the change is made only while the entry has this CAS. */
  readonly cas?: bigint | undefined;
}

export type CounterAnswer =
  | { readonly outcome: 'done'; readonly value: bigint; readonly cas: bigint }
  /** `missing`: not there, and not created. `changed`: another CAS. `raced`: another call created it; send it again. */
  | { readonly outcome: 'missing' | 'changed' | 'raced' | 'not a number' };
