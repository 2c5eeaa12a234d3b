import { type CacheBackend, isCacheError, MAX_TTL } from '@ninefold/core';
import { backoff, type Clock } from './clock.ts';
import {
  epochName,
  type Fence,
  fenceNames,
  GENERATION,
  GENERATION_LEASE,
  hasOneCreator,
  initialVersion,
  isTrace,
  isVersion,
  type SeenCounters,
  stampOf,
} from './fence.ts';

/** A day, in seconds: the shortest TTL of an epoch, and the TTL of a counter that a bump creates. */
const TRACE_TTL = 86_400;

interface CountersOptions {
  readonly random: () => number;
  readonly clock: Clock;
  /** Seconds after which a creator that died is replaced. */
  readonly leaseTtl: number;
}

/** The counters that fence entries: epochs of keys, versions of tags, the generation of the cache. */
export class Counters {
  readonly #backend: CacheBackend;
  readonly #options: CountersOptions;
  /** Counters being created: two creators in one process would spoil each other's fence. */
  readonly #creating = new Map<string, Promise<number>>();

  constructor(backend: CacheBackend, options: CountersOptions) {
    this.#backend = backend;
    this.#options = options;
  }

  /** Reads counters that `seen` does not hold yet, and adds them to it. */
  async read(names: readonly string[], seen: SeenCounters): Promise<void> {
    const distinct = [...new Set(names)];
    const found = await readValues(this.#backend, distinct);
    for (const [index, name] of distinct.entries()) seen.set(name, found[index]);
  }

  /** Makes everything that depends on the counter stale. One `incr`. */
  async bump(name: string): Promise<void> {
    try {
      await this.#incr(name, 1, traceTtl(name));
    } catch (error) {
      if (!isCacheError(error) || error.code !== 'BACKEND' || error.maybeApplied) throw error;
      // A full server refuses to add, but deletes. What depends on a counter that is gone is stale, too.
      await this.#backend.delete(name);
    }
  }

  /** Bumps the epoch of a key, before an entry with this TTL is stored. */
  async bumpForEntry(key: string, ttl: number | undefined, seen: SeenCounters): Promise<void> {
    const epoch = await this.#incr(epochName(key), 1, epochTtl(ttl));
    // A bump that created the epoch gave it the right TTL: its initial version is added without a delete.
    seen.set(epochName(key), epoch === 1 ? undefined : epoch);
  }

  /** The fence of a value that is made from now on: the counters seen, and new ones for those that are missing. */
  async fence(key: string, tags: readonly string[], ttl: number | undefined, seen: SeenCounters): Promise<Fence> {
    const names = fenceNames(key, tags);
    // Many entries share tags and the generation, so these have no TTL.
    const ttlOf = (name: string) => (name === epochName(key) ? epochTtl(ttl) : undefined);
    const missing = names.filter((name) => !isVersion(seen.get(name)));
    await Promise.all(missing.map((name) => this.#versionOf(name, seen, ttlOf(name))));
    return { names, stamp: stampOf(names, seen) };
  }

  /** The generation, created if there is none. If several processes create it, resolves once they agree on one. */
  async generation(): Promise<number> {
    const { clock, random, leaseTtl } = this.#options;
    const deadline = clock.now() + 1000 * leaseTtl;
    for (let attempt = 0; ; attempt++) {
      const seen: SeenCounters = new Map();
      await this.read([GENERATION], seen);
      const generation = await this.#versionOf(GENERATION, seen, undefined);
      if (hasOneCreator(generation)) return generation;
      const hasLease = clock.now() >= deadline && (await this.#incr(GENERATION_LEASE, 1, leaseTtl)) === 1;
      // A creator died before it took back what it had added.
      if (hasLease) await this.#backend.delete(GENERATION);
      else await backoff(clock, random, attempt);
    }
  }

  /** As `generation`, but `undefined` if there is none: then no counter of an earlier `incr` can be reached. */
  async existingGeneration(): Promise<number | undefined> {
    const [found] = await readValues(this.#backend, [GENERATION]);
    if (!isVersion(found)) return undefined;
    return hasOneCreator(found) ? found : await this.generation();
  }

  async #versionOf(name: string, seen: SeenCounters, ttl: number | undefined): Promise<number> {
    const found = seen.get(name);
    if (isVersion(found)) return found;
    const creating =
      this.#creating.get(name) ?? this.#create(name, found, ttl).finally(() => this.#creating.delete(name));
    this.#creating.set(name, creating);
    const created = await creating;
    seen.set(name, created);
    return created;
  }

  async #create(name: string, trace: unknown, ttl: number | undefined): Promise<number> {
    // A trace keeps the TTL that the bump gave it, so it can be added to only if that is the right one.
    const isReusable = trace === undefined || (ttl === traceTtl(name) && isTrace(trace));
    if (!isReusable) await this.#backend.delete(name);
    const initial = initialVersion(this.#options.random);
    const created = await this.#incr(name, initial, ttl);
    // Another process was faster, or the counter existed and could not be read. What was added is taken back: otherwise
    // the counter would grow with each creator, and stored entries would be stale.
    return isVersion(created - initial) ? await this.#incr(name, -initial, traceTtl(name)) : created;
  }

  async #incr(name: string, delta: number, ttl: number | undefined): Promise<number> {
    return await incrOrReset(this.#backend, name, delta, ttl);
  }
}

/** The TTL of a trace. The generation's has none: creators would have to delete it, and could delete a new generation. */
function traceTtl(name: string): number | undefined {
  return name === GENERATION ? undefined : TRACE_TTL;
}

/** Adds to a counter. A value that is not a counter, or at the end of its range, is deleted first. */
export async function incrOrReset(
  backend: CacheBackend,
  name: string,
  delta: number,
  ttl: number | undefined,
): Promise<number> {
  try {
    return await backend.incr(name, delta, { ttl });
  } catch (error) {
    if (!isCacheError(error) || (error.code !== 'NOT_A_COUNTER' && error.code !== 'COUNTER_RANGE')) throw error;
    await backend.delete(name);
    return await backend.incr(name, delta, { ttl });
  }
}

/** Values in the order of the names, in one round trip. An unreadable one counts as missing, and costs a second. */
export async function readValues(backend: CacheBackend, names: readonly string[]): Promise<readonly unknown[]> {
  try {
    return await backend.multiGetValues(names);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    const alone = async (name: string): Promise<unknown> => {
      try {
        return await backend.getValue(name);
      } catch (failure) {
        if (isUnreadable(failure)) return undefined;
        throw failure;
      }
    };
    return await Promise.all(names.map(alone));
  }
}

export function isUnreadable(error: unknown): boolean {
  return isCacheError(error) && error.code === 'CORRUPT';
}

/** Twice the TTL of the entry, so that an entry renewed at its end is not cut short; none if the entry has none. */
function epochTtl(ttl: number | undefined): number | undefined {
  return ttl === undefined ? undefined : Math.min(MAX_TTL, Math.max(TRACE_TTL, 2 * ttl));
}
