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
  sum,
} from './fence.ts';

/** Seconds that an epoch lives at the least, and what a bump leaves of a counter that was not there: a day. */
const TRACE_TTL = 86_400;

interface CountersOptions {
  readonly random: () => number;
  readonly clock: Clock;
  /** Seconds after which a maker that died is replaced. */
  readonly leaseTtl: number;
}

/** The counters that fence entries: epochs of keys, versions of tags, the generation of all. */
export class Counters {
  readonly #backend: CacheBackend;
  readonly #options: CountersOptions;
  /** Those being created: two makers in one process would spoil each other's fence. */
  readonly #creating = new Map<string, Promise<number>>();

  constructor(backend: CacheBackend, options: CountersOptions) {
    this.#backend = backend;
    this.#options = options;
  }

  /** Sees those that were not looked for yet. */
  async readUnseen(names: readonly string[], seen: SeenCounters): Promise<void> {
    const unseen = [...new Set(names)].filter((name) => !seen.has(name));
    if (unseen.length === 0) return;
    const found = await readValues(this.#backend, unseen);
    for (const [index, name] of unseen.entries()) seen.set(name, found[index]);
  }

  /** Makes everything that depends on the counter stale, and resolves where it is then. One `incr`. */
  async bump(name: string): Promise<number> {
    return await this.#incr(name, 1, traceTtl(name));
  }

  /** Bumps the epoch of a key, of which an entry with this TTL is stored next. */
  async bumpForEntry(key: string, ttl: number | undefined, seen: SeenCounters): Promise<void> {
    const epoch = await this.#incr(epochName(key), 1, epochTtl(ttl));
    // One that began with this bump lives as long as it has to, so it is created by adding to it.
    seen.set(epochName(key), epoch === 1 ? undefined : epoch);
  }

  /** The fence of what will be created from here on: the counters that were seen, and new ones where there are none. */
  async fence(key: string, tags: readonly string[], ttl: number | undefined, seen: SeenCounters): Promise<Fence> {
    const names = fenceNames(key, tags);
    // Tags and the generation are shared by many entries, so they live as long as the server lets them.
    const ttlOf = (name: string) => (name === epochName(key) ? epochTtl(ttl) : undefined);
    const versions = await Promise.all(names.map((name) => this.#versionOf(name, seen, ttlOf(name))));
    return { names, stamp: sum(versions) };
  }

  /** The generation, a new one if there is none; if several make it, once they have come to one. */
  async generation(): Promise<number> {
    const { clock, random, leaseTtl } = this.#options;
    const deadline = clock.now() + 1000 * leaseTtl;
    for (let attempt = 0; ; attempt++) {
      const seen: SeenCounters = new Map();
      await this.readUnseen([GENERATION], seen);
      const generation = await this.#versionOf(GENERATION, seen, undefined);
      if (hasOneCreator(generation)) return generation;
      const hasLease = clock.now() >= deadline && (await this.#incr(GENERATION_LEASE, 1, leaseTtl)) === 1;
      // A maker died before it took back what it had added.
      if (hasLease) await this.#backend.delete(GENERATION);
      else await backoff(clock, random, attempt);
    }
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
    // The trace of a bump would keep its TTL.
    const isReusable = trace === undefined || (ttl === traceTtl(name) && isTrace(trace));
    if (!isReusable) await this.#backend.delete(name);
    const initial = initialVersion(this.#options.random);
    const created = await this.#incr(name, initial, ttl);
    // Another was quicker, or the counter was there and could not be seen: it stays where it was, or it would grow with
    // each maker, and what is stored would be stale.
    return isVersion(created - initial) ? await this.#incr(name, -initial, traceTtl(name)) : created;
  }

  async #incr(name: string, delta: number, ttl: number | undefined): Promise<number> {
    return await incrOrReset(this.#backend, name, delta, ttl);
  }
}

/** The generation's is as lasting as the generation: two who find it would both delete it, and the generation with it. */
function traceTtl(name: string): number | undefined {
  return name === GENERATION ? undefined : TRACE_TTL;
}

/** Adds to a counter; what is no counter, or has come to the end of the integers, begins anew. */
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

/** Values by name, in one round trip; what cannot be read is as if it were not there. */
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

/** Twice the entry's, so that an entry that is renewed at its end is not cut short; an entry for ever has one for ever. */
function epochTtl(ttl: number | undefined): number | undefined {
  return ttl === undefined ? undefined : Math.min(MAX_TTL, Math.max(TRACE_TTL, 2 * ttl));
}
