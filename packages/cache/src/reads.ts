import { isThenable } from '@ninefold/core';
import { Batch, type BatchLoader, type BatchSlot } from './batch.ts';
import { isUnreadable } from './counters.ts';
import type { Entries } from './entries.ts';
import type { Events, Tally } from './events.ts';
import { settleAll } from './failure.ts';
import type { LoadContext } from './flight.ts';
import type { Flights } from './flights.ts';
import type { Loads, Miss } from './loads.ts';
import { Lookup } from './lookup.ts';
import type { Call } from './options.ts';
import { orAborted } from './signals.ts';
import { convertOrMiss, convertOrThrow } from './types.ts';

type Load = (context: LoadContext) => unknown;

/** What a caller adds to a miss, beside its key and the slot of its batch. */
type LoadRequest = Omit<Miss, 'key' | keyof BatchSlot>;

interface ReadsParts {
  readonly entries: Entries;
  readonly loads: Loads;
  readonly flights: Flights;
  readonly events: Events;
}

/** Reads entries, and has the missing ones loaded. */
export class Reads {
  readonly #backend: string;
  readonly #entries: Entries;
  readonly #loads: Loads;
  readonly #flights: Flights;
  readonly #events: Events;

  constructor(backend: string, { entries, loads, flights, events }: ReadsParts) {
    this.#backend = backend;
    this.#entries = entries;
    this.#loads = loads;
    this.#flights = flights;
    this.#events = events;
  }

  async get(key: string, { tags, type }: Call, tally: Tally): Promise<unknown> {
    try {
      const lookup = await this.#entries.read([key], tags);
      const value = await convertOrMiss(type, lookup.value(0));
      if (value !== undefined) tally.hits += 1;
      return value;
    } catch (error) {
      throw this.#events.forCaller(error, tally, () => key);
    }
  }

  async getMany(keys: readonly string[], call: Call, tally: Tally): Promise<unknown[]> {
    const [first] = keys;
    if (first !== undefined && keys.length === 1) return [await this.get(first, call, tally)];
    const { tags, type } = call;
    const lookup = await this.#entries.read(keys, tags);
    const values = await Promise.all(lookup.values.map((value) => convertOrMiss(type, value)));
    tally.hits += values.filter((value) => value !== undefined).length;
    return values;
  }

  getOrLoad(key: string, load: Load, call: Call, tally: Tally): Promise<unknown> {
    if (call.signal?.aborted === true) return Promise.reject(call.signal.reason);
    return orAborted(this.#getOrLoad(key, load, call, tally), call.signal);
  }

  /** `loader` receives indexes of keys and resolves their values in that order. */
  getOrLoadMany(keys: readonly string[], loader: BatchLoader, call: Call, tally: Tally): Promise<unknown[]> {
    if (call.signal?.aborted === true) return Promise.reject(call.signal.reason);
    return orAborted(this.#getOrLoadMany(keys, loader, call, tally), call.signal);
  }

  async #getOrLoad(key: string, load: Load, call: Call, tally: Tally): Promise<unknown> {
    const step = this.#flights.nextStep();
    let lookup: Lookup | undefined = new Lookup([key], call.tags);
    let stored: unknown;
    try {
      // Not through `#tryRead`: each promise between a hit and its caller costs a tenth of the hit.
      lookup.receive(await this.#entries.fetch(lookup));
      stored = lookup.value(0);
      if (stored === undefined && lookup.unseenCounters.length > 0) {
        await this.#entries.complete(lookup);
        stored = lookup.value(0);
      }
    } catch (error) {
      lookup = isUnreadable(error) ? await this.#tryRead([key], call, tally) : this.#tolerate(error, tally, () => key);
      stored = lookup?.value(0);
    }
    const hit = convertOrMiss(call.type, stored);
    const value = isThenable(hit) ? await hit : hit;
    if (value === undefined) {
      return await this.#load(key, { load, ...unbatched }, { ...call, tally, step, seen: lookup?.seen });
    }
    tally.hits += 1;
    return value;
  }

  async #getOrLoadMany(keys: readonly string[], loader: BatchLoader, call: Call, tally: Tally): Promise<unknown[]> {
    const step = this.#flights.nextStep();
    const lookup = await this.#tryRead(keys, call, tally);
    const values = await Promise.all(keys.map((_key, index) => convertOrMiss(call.type, lookup?.value(index))));
    const misses = [...keys.entries()].filter(([index]) => values[index] === undefined);
    tally.hits += keys.length - misses.length;
    const batch = new Batch(this.#backend, misses.length, loader, call.signal);
    const load = async ([index, key]: readonly [number, string]): Promise<void> => {
      const slot = batch.slot(index);
      try {
        values[index] = await this.#load(key, slot, { ...call, tally, step, seen: lookup?.seen });
      } finally {
        // However it ended, the rest of the batch waits for it no longer.
        slot.skip();
      }
    };
    // Waits until all have ended: afterwards the loader is not called and nothing is written for any of them.
    await settleAll(misses.map(load));
    return values;
  }

  async #load(key: string, slot: BatchSlot, request: LoadRequest): Promise<unknown> {
    const { type, tally } = request;
    const where = { backend: this.#backend, operation: tally.operation, key: this.#events.keyForError(key) };
    for (;;) {
      const result = await this.#loads.joinOrStart({ ...request, ...slot, key });
      if (!result.hit) return await result.valueFor(type, (loaded) => convertOrThrow(type, loaded, where));
      const value = await result.valueFor(type, (stored) => convertOrMiss(type, stored));
      // Found by a caller with another type, and refused by this one: a miss, like any stored value of an old shape.
      if (value === undefined) continue;
      tally.hits += 1;
      return value;
    }
  }

  /** Resolves `undefined` if the backend fails: then all the keys are loaded. */
  async #tryRead(keys: readonly string[], { tags }: Call, tally: Tally): Promise<Lookup | undefined> {
    try {
      return await this.#entries.read(keys, tags);
    } catch (error) {
      return this.#tolerate(error, tally, () => (keys.length === 1 ? keys[0] : undefined));
    }
  }

  #tolerate(error: unknown, tally: Tally, keyOfCall: () => string | undefined): undefined {
    this.#events.tolerate(error, tally, keyOfCall);
  }
}

/** A call outside a batch waits for no other. */
const unbatched: Omit<BatchSlot, 'load'> = { pause: (wait) => wait(), skip: () => undefined };
