import { CacheError, isCacheError } from '@ninefold/core';
import { backoff, type Clock } from './clock.ts';
import type { Counters } from './counters.ts';
import type { Entries } from './entries.ts';
import type { Entry } from './entry.ts';
import type { Events, Tally } from './events.ts';
import { settleAll } from './failure.ts';
import type { SeenCounters } from './fence.ts';
import { Flight, type LoadContext } from './flight.ts';
import { FlightResult } from './flight-result.ts';
import type { Flights } from './flights.ts';
import type { Lease, Leases } from './lease.ts';
import { type Call, checkTtl } from './options.ts';

/** A miss to be loaded. */
export interface Miss extends Call {
  readonly key: string;
  /** The tally of its caller. */
  readonly tally: Tally;
  /** The step of `Flights` at which its caller began. */
  readonly step: number;
  /** The counters that its caller read, or `undefined` if the backend failed. */
  readonly seen: SeenCounters | undefined;
  readonly load: (context: LoadContext) => unknown;
  /** Waits before another attempt, together with the other misses of its batch. */
  readonly pause: (wait: () => Promise<void>) => Promise<void>;
  /** Called when it turns out that this miss is not loaded here. */
  readonly skip: () => void;
}

export interface LoadsOptions {
  readonly backend: string;
  readonly entries: Entries;
  readonly counters: Counters;
  readonly leases: Leases;
  readonly flights: Flights;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: () => number;
  readonly leaseMs: number;
  readonly waitMs: number;
  readonly onWaitTimeout: 'load' | 'throw';
}

/** Loads missing values: once in this process, and as a rule once in all processes. */
export class Loads {
  readonly #options: LoadsOptions;

  constructor(options: LoadsOptions) {
    this.#options = options;
  }

  /** Joins the flight for the key if its result cannot have been deleted before the caller began; else starts one. */
  async joinOrStart(miss: Miss): Promise<FlightResult> {
    let { seen } = miss;
    for (;;) {
      if (miss.signal?.aborted === true) throw miss.signal.reason;
      const flight = this.#joinable(miss.key);
      if (flight?.canServe(miss.step, seen) === true) {
        miss.skip();
        return await flight.join(miss.signal);
      }
      // Its read shows whether there will be a load to share.
      if (flight?.reading !== undefined && !flight.abandoned) {
        await flight.reading;
        continue;
      }
      const unseen = flight?.fence?.names.filter((name) => seen?.has(name) === false) ?? [];
      if (seen === undefined || unseen.length === 0) return await this.#start({ ...miss, seen }).join(miss.signal);
      seen = await this.#readUnseen(unseen, seen, miss);
    }
  }

  /** A load that has outlasted its lease may never end, so later callers start another instead of joining it. */
  #joinable(key: string): Flight | undefined {
    const { clock, flights, leaseMs } = this.#options;
    const flight = flights.get(key);
    const since = flight?.loadingSince;
    if (flight?.endedAt !== undefined || since === undefined || clock.now() - since < leaseMs) return flight;
    flights.outdate(key);
    return undefined;
  }

  async #readUnseen(
    unseen: readonly string[],
    seen: SeenCounters,
    { key, tally }: Miss,
  ): Promise<SeenCounters | undefined> {
    try {
      await this.#options.counters.read(unseen, seen);
      return seen;
    } catch (error) {
      this.#options.events.tolerate(error, tally, () => key);
      return undefined;
    }
  }

  #start(miss: Miss): Flight {
    const { flights } = this.#options;
    const flight = new Flight(miss, async (own) => {
      try {
        return await this.#run(own, miss);
      } finally {
        miss.skip();
        flights.end(own);
      }
    });
    flights.add(flight);
    return flight;
  }

  async #run(flight: Flight, miss: Miss): Promise<FlightResult> {
    const prepared = miss.seen === undefined ? withoutLease : await this.#prepare(flight, miss);
    if (prepared instanceof FlightResult) return prepared;
    try {
      if (flight.abandoned) throw flight.signal.reason;
      return await this.#load(flight, miss, prepared);
    } finally {
      await prepared.lease?.release();
    }
  }

  /** Resolves a permit to load, or the value that another process has loaded meanwhile. */
  async #prepare(flight: Flight, miss: Miss): Promise<Permit | FlightResult> {
    const outcome = await this.#tryAcquire(flight, miss, { waiting: false, leaseOptional: false });
    if (outcome !== undefined) return outcome;
    return await this.#options.events.track('wait', 1, () => this.#wait(flight, miss));
  }

  async #wait(flight: Flight, miss: Miss): Promise<Permit | FlightResult> {
    const { backend, clock, random, events, waitMs, onWaitTimeout } = this.#options;
    const deadline = clock.now() + waitMs;
    for (let attempt = 0; ; attempt++) {
      await miss.pause(() => backoff(clock, random, attempt));
      if (flight.abandoned) throw flight.signal.reason;
      const over = clock.now() >= deadline;
      const leaseOptional = over && onWaitTimeout === 'load';
      const outcome = await this.#tryAcquire(flight, miss, { waiting: true, leaseOptional });
      if (outcome !== undefined) return outcome;
      if (!over) continue;
      const reason = `another load holds the lease and has not ended within ${waitMs} ms`;
      const key = events.keyForError(miss.key);
      throw new CacheError({ code: 'TIMEOUT', backend, operation: miss.tally.operation, reason, key });
    }
  }

  /**
   * Requests the lease, then reads again. Resolves the value if there is one now, else a permit to load. If another holds
   * the lease, resolves `undefined`, or with `leaseOptional` a permit without it. With `waiting`, it first looks whether the
   * lease or the value is there.
   */
  async #tryAcquire(
    flight: Flight,
    miss: Miss,
    { waiting, leaseOptional }: AttemptOptions,
  ): Promise<Permit | FlightResult | undefined> {
    const { counters, leases, events, flights } = this.#options;
    let lease: Lease | undefined;
    try {
      if (waiting) {
        // One round trip, without a write: most find that the other still loads, or its value.
        const look = [this.#read(flight, miss), leases.isTaken(miss.key)] as const;
        // If one fails, the other ends first: a read that went on beside the load would change from when the flight
        // serves callers.
        await settleAll(look);
        const [{ result }, taken] = await Promise.all(look);
        if (result.usable) return result;
        if (taken && !leaseOptional) return undefined;
      }
      lease = await leases.acquire(miss.key);
      // Its value will not be stored, so no other has to wait for it. If a delete has outdated it, nobody knows which of
      // the two requests came first, and whether the lease is still there.
      if (flight.outdated) await lease?.release();
      const { result, seen } = await this.#read(flight, miss);
      if (result.usable) {
        await lease?.release();
        return result;
      }
      if (lease === undefined && !leaseOptional) return undefined;
      flight.fence = await counters.fence(miss.key, miss.tags, miss.ttl, seen);
      return { lease };
    } catch (error) {
      // Not awaited: a server that failed the read may hang again, and the caller waits for its value.
      void lease?.release();
      events.tolerate(error, miss.tally, () => miss.key);
      // If several flights of a key fail at the same moment, only the newest loads.
      const successor = flight.abandoned ? undefined : flights.successor(flight);
      if (successor === undefined) return withoutLease;
      miss.skip();
      return await successor.join(flight.signal);
    }
  }

  /** Reads after the lease: another may have loaded, written and released since the caller's read. */
  async #read(flight: Flight, { key, tags, type }: Miss): Promise<Finding> {
    const { entries, flights } = this.#options;
    const read = async (): Promise<Finding> => {
      flight.readStep = flights.nextStep();
      let found = false;
      try {
        const { lookup, index } = await entries.readCoalesced(key, tags);
        const result = await FlightResult.of(lookup.value(index), type, { hit: true });
        found = result.usable;
        return { result, seen: lookup.seen };
      } finally {
        flight.reading = undefined;
        // Nothing was found: any caller that comes before the next read, or the load, is early enough.
        if (!found) flight.readStep = Number.POSITIVE_INFINITY;
      }
    };
    const reading = read();
    flight.reading = reading.catch(() => undefined);
    return await reading;
  }

  async #load(flight: Flight, miss: Miss, permit: Permit): Promise<FlightResult> {
    const { clock, events, flights } = this.#options;
    flight.readStep = flights.nextStep();
    flight.loadingSince = clock.now();
    const value = await events.track('load', 1, async () => miss.load(flight.context));
    // A value that the type refuses is not stored. It rejects only callers with that type: others may share the load.
    const result = await FlightResult.of(value, miss.type, { hit: false });
    if (!result.usable) return result;
    const ttl = this.#ttlOf(miss, value);
    if (flight.fence !== undefined && !flight.outdated && (ttl === undefined || ttl > 0)) {
      const entry = { value: result.toStore(), stamp: flight.fence.stamp, tags: miss.tags };
      await this.#write({ ...miss, ttl }, entry, permit);
    }
    return result;
  }

  /** The TTL of a loaded value; 0 or less if it is not to be stored. */
  #ttlOf({ key, ttl, ttlOf, tally }: Miss, value: unknown): number | undefined {
    const own = ttlOf?.(value as never);
    if (own === undefined) return ttl;
    try {
      if (typeof own !== 'number' || !(own <= 0)) checkTtl(own, key);
    } catch (error) {
      // A promise of a TTL, which is none, may reject.
      void Promise.allSettled([own]);
      throw this.#options.events.forCaller(error, tally);
    }
    return own;
  }

  /** Stores a value. Failures are reported and do not reach the callers, except `INVALID_VALUE`, which is a mistake. */
  async #write({ key, ttl, tally }: Miss, entry: Entry, { lease }: Permit): Promise<void> {
    try {
      await this.#options.entries.write(new Map([[key, entry]]), ttl);
    } catch (error) {
      if (!isCacheError(error) || error.code === 'INVALID_VALUE') throw this.#options.events.forCaller(error, tally);
      this.#options.events.report(error);
      // Not awaited: a silent server has cost the callers one timeout already.
      void lease?.release();
    }
  }
}

/** What a read found: a value, if the result is usable, and counters. */
interface Finding {
  readonly result: FlightResult;
  readonly seen: SeenCounters;
}

/** Permission to call the loader. */
interface Permit {
  /** `undefined` if the wait for it timed out or the backend failed. */
  readonly lease: Lease | undefined;
}

const withoutLease: Permit = { lease: undefined };

interface AttemptOptions {
  /** Whether another held the lease before. */
  readonly waiting: boolean;
  readonly leaseOptional: boolean;
}
