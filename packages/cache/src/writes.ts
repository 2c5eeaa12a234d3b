import { type CacheBackend, isCacheError } from '@ninefold/core';
import type { Snapshot } from './copy.ts';
import type { Counters } from './counters.ts';
import type { Entries } from './entries.ts';
import type { Entry } from './entry.ts';
import { settleWrites } from './failure.ts';
import { countName, epochName, GENERATION, leaseName, type SeenCounters, tagName } from './fence.ts';
import type { Flights } from './flights.ts';
import type { Leases } from './lease.ts';
import type { Call } from './options.ts';

interface WritesParts {
  readonly counters: Counters;
  readonly entries: Entries;
  readonly flights: Flights;
  readonly leases: Leases;
}

/** A stamp that no sum of counters equals, and that takes as many bytes as the longest sum. */
const STALE_STAMP = -Number.MAX_SAFE_INTEGER;

/** Changes entries and the counters that fence them. Failures of the backend always reach the caller. */
export class Writes {
  readonly #backend: CacheBackend;
  readonly #counters: Counters;
  readonly #entries: Entries;
  readonly #flights: Flights;
  readonly #leases: Leases;

  constructor(backend: CacheBackend, { counters, entries, flights, leases }: WritesParts) {
    this.#backend = backend;
    this.#counters = counters;
    this.#entries = entries;
    this.#flights = flights;
    this.#leases = leases;
  }

  async set(values: ReadonlyMap<string, Snapshot>, { tags, ttl }: Call): Promise<void> {
    if (values.size === 0) return await this.#backend.multiSetValues([]);
    // Whether the old values are gone, even if the new ones are not stored.
    let replaced = await this.#probe(values, tags, ttl);
    const seen: SeenCounters = new Map();
    const fenced = async ([key, { value }]: readonly [string, Snapshot]): Promise<readonly [string, Entry]> => {
      const { stamp } = await this.#counters.fence(key, tags, ttl, seen);
      return [key, { value, stamp, tags }];
    };
    try {
      // Bumped, not read: otherwise a load that began before could store a valid entry over the newer one.
      const bumps = Array.from(values.keys(), (key) => this.#counters.bumpForEntry(key, ttl, seen));
      await settleWrites(bumps, this.#counters.read([GENERATION, ...tags.map(tagName)], seen));
      replaced = true;
      await this.#entries.write(new Map(await Promise.all(Array.from(values, fenced))), ttl);
    } catch (error) {
      throw replaced && isCacheError(error) ? error.with({ maybeApplied: true }) : error;
    }
    for (const key of values.keys()) this.#flights.outdate(key);
  }

  /**
   * Writes the values that the backend may refuse, with a stale stamp, so that a refusal leaves the old values.
   * Resolves whether there were any.
   */
  async #probe(
    values: ReadonlyMap<string, Snapshot>,
    tags: readonly string[],
    ttl: number | undefined,
  ): Promise<boolean> {
    const probes = new Map<string, Entry>();
    for (const [key, { value, mayBeRefused }] of values) {
      if (mayBeRefused) probes.set(key, { value, stamp: STALE_STAMP, tags });
    }
    if (probes.size > 0) await this.#entries.write(probes, ttl);
    return probes.size > 0;
  }

  async delete(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return void (await this.#backend.deleteMany([]));
    const bumps = keys.map((key) => this.#counters.bump(epochName(key)));
    const generation = this.#counters.existingGeneration();
    await settleWrites(bumps, generation);
    const current = await generation;
    const counts = current === undefined ? [] : keys.map((key) => countName(current, key));
    // Only the flights so far: later ones have seen the bumps, and may get a lease after the old one is deleted.
    for (const key of keys) this.#flights.outdate(key);
    // The lease is deleted too: the load that holds it is outdated.
    const deleted = settleWrites([...bumps, this.#backend.deleteMany([...keys, ...keys.map(leaseName), ...counts])]);
    await this.#leases.forget(keys, deleted);
  }

  async count(key: string, delta: number | undefined, { ttl }: Call): Promise<number> {
    const generation = await this.#counters.generation();
    return await this.#backend.incr(countName(generation, key), delta, { ttl });
  }

  async invalidate(tags: readonly string[]): Promise<void> {
    if (tags.length === 0) return void (await this.#backend.deleteMany([]));
    await settleWrites(tags.map((tag) => this.#counters.bump(tagName(tag))));
    const outdated = new Set(tags);
    this.#flights.outdateWhere((flight) => flight.tags.some((tag) => outdated.has(tag)));
  }

  async clear(): Promise<void> {
    await this.#counters.bump(GENERATION);
    this.#flights.outdateWhere(() => true);
  }
}
