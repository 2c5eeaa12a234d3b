import { type CacheBackend, isCacheError } from '@ninefold/core';
import type { Clock } from './clock.ts';
import { incrOrReset } from './counters.ts';
import type { Events } from './events.ts';
import { leaseName } from './fence.ts';

/** The right to load a key while others wait. It only saves work: if it ends early, the key may be loaded twice. */
export interface Lease {
  /** Gives it back, once; reports a failure. Await it: a Worker may drop what is in flight when its request ends. */
  release(): Promise<void>;
}

interface RequestedLease {
  readonly key: string;
  /** When it ends, if it is granted. */
  readonly end: number;
}

/** Leases are counters with a TTL. A process that counts to 1 holds the lease; if it dies, the TTL ends the lease. */
export class Leases {
  readonly #backend: CacheBackend;
  readonly #ttl: number;
  readonly #clock: Clock;
  readonly #events: Events;
  /** The leases that this process holds, by key. */
  readonly #held = new Map<string, Lease>();
  /** The leases that are being requested. */
  readonly #requested = new Set<RequestedLease>();
  /** When the leases end that may be this process's still, because a request to delete them failed. By key, in that order. */
  readonly #left = new Map<string, number>();

  constructor(backend: CacheBackend, ttl: number, clock: Clock, events: Events) {
    this.#backend = backend;
    this.#ttl = ttl;
    this.#clock = clock;
    this.#events = events;
  }

  /** Resolves the lease of a key, or `undefined` if another holds it. */
  async acquire(key: string): Promise<Lease | undefined> {
    const name = leaseName(key);
    const deadline = this.#clock.now() + 1000 * this.#ttl;
    const request = { key, end: deadline };
    let count: number;
    this.#requested.add(request);
    try {
      count = await incrOrReset(this.#backend, name, 1, this.#ttl);
    } catch (error) {
      // All would wait for a lease whose reply was lost. It may also be another's: then the key is loaded once more. Not
      // awaited: the server has just failed.
      if (isCacheError(error) && error.maybeApplied && error.code !== 'CLOSED') void this.#delete(key, deadline);
      throw error;
    } finally {
      this.#requested.delete(request);
    }
    // If it is another's, the key is loaded twice. The process would wait for its own until that ends.
    const left = this.#left.get(key) ?? Number.NEGATIVE_INFINITY;
    this.#left.delete(key);
    if (count !== 1 && this.#clock.now() >= left) return undefined;
    const end = count === 1 ? deadline : left;
    const release = async (): Promise<void> => {
      if (this.#held.get(key) !== lease) return;
      this.#held.delete(key);
      // After its TTL the lease may be another's.
      if (this.#clock.now() < end) await this.#delete(key, end);
    };
    const lease = { release };
    this.#held.set(key, lease);
    return lease;
  }

  /** Whether the lease of a key is there and another's, as far as this process knows. */
  async isTaken(key: string): Promise<boolean> {
    const left = this.#left.get(key) ?? Number.NEGATIVE_INFINITY;
    return this.#clock.now() >= left && (await this.#backend.exists(leaseName(key)));
  }

  /** Drops the keys' leases held by now, once `deleted` has resolved: from then on they may be another's. */
  async forget(keys: readonly string[], deleted: Promise<unknown>): Promise<void> {
    const held = keys.map((key) => this.#held.get(key));
    await deleted;
    for (const [index, key] of keys.entries()) {
      if (this.#held.get(key) === held[index]) this.#held.delete(key);
      this.#left.delete(key);
    }
  }

  /** Gives back all leases, so that no other process waits for them. One that is requested may be another's. */
  async releaseAll(): Promise<void> {
    const held = Array.from(this.#held.values(), (lease) => lease.release());
    const requested = Array.from(this.#requested, ({ key, end }) => this.#delete(key, end));
    await Promise.all([...held, ...requested]);
  }

  /** Deletes a lease that ends at `end`. */
  async #delete(key: string, end: number): Promise<void> {
    this.#left.delete(key);
    try {
      await this.#backend.delete(leaseName(key));
    } catch (error) {
      for (const [old, ended] of this.#left) {
        if (this.#clock.now() < ended) break;
        this.#left.delete(old);
      }
      this.#left.set(key, end);
      this.#events.report(error);
    }
  }
}
