import { type CacheBackend, type CacheError, isCacheError } from '@ninefold/core';
import { serialize } from './copy.ts';
import { type Counters, readValues } from './counters.ts';
import { type Entry, pack } from './entry.ts';
import { Lookup } from './lookup.ts';

/** The index of a key in a lookup that it shares with others. */
interface CoalescedRead {
  readonly lookup: Lookup;
  readonly index: number;
}

interface PendingRead {
  readonly keys: string[];
  readonly lookup: Promise<Lookup>;
}

/** Entries, read together with the counters that fence them. */
export class Entries {
  readonly #backend: CacheBackend;
  readonly #counters: Counters;
  /** Reads of this tick that are not sent yet, by their tags. */
  readonly #pendingReads = new Map<string, PendingRead>();

  constructor(backend: CacheBackend, counters: Counters) {
    this.#backend = backend;
    this.#counters = counters;
  }

  async read(keys: readonly string[], tags: readonly string[]): Promise<Lookup> {
    const lookup = new Lookup(keys, tags);
    // A batch of nothing sends nothing, and rejects once the backend is closed.
    lookup.receive(await readValues(this.#backend, keys.length === 0 ? [] : lookup.names));
    if (lookup.unseenCounters.length > 0) await this.complete(lookup);
    return lookup;
  }

  /** As `read`, for one key. Calls in the same tick with equal tags share one read. */
  async readCoalesced(key: string, tags: readonly string[]): Promise<CoalescedRead> {
    const group = JSON.stringify(tags);
    const pending = this.#pendingReads.get(group) ?? this.#startRead(group, tags);
    const index = pending.keys.push(key) - 1;
    return { lookup: await pending.lookup, index };
  }

  #startRead(group: string, tags: readonly string[]): PendingRead {
    const keys: string[] = [];
    const send = async (): Promise<Lookup> => {
      await undefined;
      this.#pendingReads.delete(group);
      return await this.read(keys, tags);
    };
    const pending = { keys, lookup: send() };
    this.#pendingReads.set(group, pending);
    return pending;
  }

  /** The values of a lookup's names, in one round trip. For the fast path of a hit, which handles failures itself. */
  fetch({ names }: Lookup): Promise<readonly unknown[]> {
    return this.#backend.multiGetValues(names);
  }

  /** Reads the counters of tags that entries have and the caller did not name: one more round trip. */
  async complete({ unseenCounters, seen }: Lookup): Promise<void> {
    await this.#counters.read(unseenCounters, seen);
  }

  async write(entries: ReadonlyMap<string, Entry>, ttl: number | undefined): Promise<void> {
    const pairs = Array.from(entries, ([key, entry]) => [key, pack(entry)] as const);
    const [only] = pairs;
    try {
      if (only !== undefined && pairs.length === 1) await this.#backend.setValue(...only, { ttl });
      else await this.#backend.multiSetValues(pairs, { ttl });
    } catch (error) {
      throw isCacheError(error) && error.code === 'INVALID_VALUE' ? inWordsOfCaller(error, entries) : error;
    }
  }
}

/** Makes an error name the caller's key, unless the backend hides keys, and the place in the caller's value. */
function inWordsOfCaller(error: CacheError, entries: ReadonlyMap<string, Entry>): CacheError {
  for (const [key, { value }] of entries) {
    const { reason } = serialize(value);
    if (reason !== undefined) return error.with({ key: error.key && key, reason: `cannot store ${reason}` });
  }
  return error;
}
