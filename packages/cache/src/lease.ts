import type { CacheBackend } from '@ninefold/core';
import type { Clock } from './clock.ts';
import { add } from './counters.ts';
import type { Events } from './events.ts';
import { leaseName } from './fence.ts';

/** The right to load a key while others wait. For efficiency: when it ends early, or twice, a key is loaded twice. */
export interface Lease {
  /** Gives it back, once; a failure is told. To be awaited, for what is under way when a request ends may never be done. */
  release(): Promise<void>;
}

/** Leases are counters with a TTL: who counts to 1 has one, and when its holder dies it ends by itself. */
export class Leases {
  readonly #backend: CacheBackend;
  readonly #ttl: number;
  readonly #clock: Clock;
  readonly #events: Events;
  /** Those that this process has in hand, by key. */
  readonly #held = new Map<string, Lease>();

  constructor(backend: CacheBackend, ttl: number, clock: Clock, events: Events) {
    this.#backend = backend;
    this.#ttl = ttl;
    this.#clock = clock;
    this.#events = events;
  }

  /** `undefined` if another holds it. */
  async take(key: string): Promise<Lease | undefined> {
    const name = leaseName(key);
    const deadline = this.#clock.now() + 1000 * this.#ttl;
    const count = await add(this.#backend, name, 1, this.#ttl);
    if (count !== 1) return undefined;
    const release = async (): Promise<void> => {
      if (this.#held.get(key) !== lease) return;
      this.#held.delete(key);
      // After its end it may be another's.
      if (this.#clock.now() >= deadline) return;
      try {
        await this.#backend.delete(name);
      } catch (error) {
        this.#events.failed(error);
      }
    };
    const lease = { release };
    this.#held.set(key, lease);
    return lease;
  }

  /** Lets go of those that are in hand at this moment, once `deleted` has resolved: from then on they may be another's. */
  async forget(keys: readonly string[], deleted: Promise<unknown>): Promise<void> {
    const leases = keys.map((key) => [key, this.#held.get(key)] as const);
    await deleted;
    for (const [key, lease] of leases) if (this.#held.get(key) === lease) this.#held.delete(key);
  }

  /** Gives back all, so that no other process waits for them. */
  async release(): Promise<void> {
    await Promise.all(Array.from(this.#held.values(), (lease) => lease.release()));
  }
}
