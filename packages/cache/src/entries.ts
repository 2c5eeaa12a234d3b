import { type CacheBackend, type CacheError, isCacheError } from '@ninefold/core';
import { write } from './copy.ts';
import { type Counters, find } from './counters.ts';
import { type Entry, pack } from './entry.ts';
import { NONE, Sight } from './sight.ts';

/** A key's place in what was seen of several. */
interface Look {
  readonly sight: Sight;
  readonly index: number;
}

interface Gathering {
  readonly keys: string[];
  readonly sight: Promise<Sight>;
}

/** Entries, read together with the counters that fence them. */
export class Entries {
  readonly #backend: CacheBackend;
  readonly #counters: Counters;
  /** Looks of this tick, by their tags. */
  readonly #gatherings = new Map<string, Gathering>();

  constructor(backend: CacheBackend, counters: Counters) {
    this.#backend = backend;
    this.#counters = counters;
  }

  async read(keys: readonly string[], tags: readonly string[]): Promise<Sight> {
    const sight = new Sight(keys, tags);
    sight.take(await find(this.#backend, sight.names));
    if (sight.unseen !== NONE) await this.complete(sight);
    return sight;
  }

  /** As `read`, for one key of many that are looked at one by one in the same tick: those with equal tags share a read. */
  async look(key: string, tags: readonly string[]): Promise<Look> {
    const group = JSON.stringify(tags);
    const gathering = this.#gatherings.get(group) ?? this.#gather(group, tags);
    const index = gathering.keys.push(key) - 1;
    return { sight: await gathering.sight, index };
  }

  #gather(group: string, tags: readonly string[]): Gathering {
    const keys: string[] = [];
    const send = async (): Promise<Sight> => {
      await undefined;
      this.#gatherings.delete(group);
      return await this.read(keys, tags);
    };
    const gathering = { keys, sight: send() };
    this.#gatherings.set(group, gathering);
    return gathering;
  }

  /** What there is under the names of a sight, in one round trip; for a reader in a hurry, who handles failures itself. */
  ask({ names }: Sight): Promise<readonly unknown[]> {
    return this.#backend.multiGetValues(names);
  }

  /** One round trip more, for the counters of tags that entries bear and the caller did not name. */
  async complete({ unseen, seen }: Sight): Promise<void> {
    await this.#counters.look(unseen, seen);
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

/** Names the caller's key, unless the backend hides keys, and the place in the caller's value. */
function inWordsOfCaller(error: CacheError, entries: ReadonlyMap<string, Entry>): CacheError {
  for (const [key, { value }] of entries) {
    const { reason } = write(value);
    if (reason !== undefined) return error.with({ key: error.key && key, reason });
  }
  return error;
}
