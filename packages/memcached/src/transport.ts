import type { Call } from '@ninefold/core';

/**
 * What lies between the adapter and the servers: five methods, so that another protocol can take the place of the binary
 * one. Keys are what memcached takes, 1 to 250 bytes of `[\x21-\x7e]`. Failures are `DriverError`s that name the key as
 * it was given. How integers lie in the server, TTLs and deadlines are not a transport's business.
 */
export interface MemcachedTransport {
  /** Texts in the order of the keys, `undefined` for misses. Keys may repeat. */
  getMany(keys: readonly string[], call: Call): Promise<readonly (string | undefined)[]>;
  /** `expires` as memcached has it: seconds up to 30 days, above them a date in seconds since 1970, 0 for never. */
  setMany(entries: readonly (readonly [key: string, value: string])[], expires: number, call: Call): Promise<void>;
  /** How many keys there were and are no more. */
  deleteMany(keys: readonly string[], call: Call): Promise<number>;
  /** Adds in one atomic step, sent once. */
  incr(change: CounterChange, call: Call): Promise<CounterAnswer>;
  /** Ends its connections. A transport that somebody else owns leaves them. */
  close(): void;
}

export interface CounterChange {
  readonly key: string;
  /** May be negative; the server's counters have 64 bits without sign and stop at 0. */
  readonly delta: bigint;
  /** What a missing counter begins with, and its expiry; `undefined`: it is not created. */
  readonly create: { readonly value: bigint; readonly expires: number } | undefined;
  /** The change is made only if the entry still has this CAS. */
  readonly cas?: bigint | undefined;
}

export type CounterAnswer =
  | { readonly outcome: 'done'; readonly value: bigint; readonly cas: bigint }
  /** `missing`: and not to be created. `changed`: another CAS. `raced`: another made it meanwhile, ask again. */
  | { readonly outcome: 'missing' | 'changed' | 'raced' | 'not a number' };
