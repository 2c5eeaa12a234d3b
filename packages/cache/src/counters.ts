import { type CacheBackend, isCacheError, MAX_TTL } from '@ninefold/core';
import {
  epochName,
  type Fence,
  fenceNames,
  firstVersion,
  GENERATION,
  isTrace,
  isVersion,
  type Seen,
  sum,
} from './fence.ts';

/** Seconds that an epoch lives at the least, and what a bump leaves of a counter that was not there: a day. */
const TRACE_TTL = 86_400;

/** The counters that fence entries: epochs of keys, versions of tags, the generation of all. */
export class Counters {
  readonly #backend: CacheBackend;
  readonly #random: () => number;
  /** Those being made: two makers in one process would spoil each other's fence. */
  readonly #making = new Map<string, Promise<number>>();

  constructor(backend: CacheBackend, random: () => number) {
    this.#backend = backend;
    this.#random = random;
  }

  /** Sees those that were not looked for yet. */
  async look(names: readonly string[], seen: Seen): Promise<void> {
    const unseen = [...new Set(names)].filter((name) => !seen.has(name));
    if (unseen.length === 0) return;
    const found = await find(this.#backend, unseen);
    for (const [index, name] of unseen.entries()) seen.set(name, found[index]);
  }

  /** Makes everything that depends on the counter stale, and resolves where it is then. One `incr`. */
  async bump(name: string): Promise<number> {
    return await this.#incr(name, 1, TRACE_TTL);
  }

  /** Bumps the epoch of a key, of which an entry with this TTL is stored next. */
  async bumpForEntry(key: string, ttl: number | undefined, seen: Seen): Promise<void> {
    const epoch = await this.#incr(epochName(key), 1, lifetimeFor(ttl));
    // One that began with this bump lives as long as it has to, so it is made by adding to it.
    seen.set(epochName(key), epoch === 1 ? undefined : epoch);
  }

  /** The fence of what will be made from here on: the counters that were seen, and new ones where there are none. */
  async fence(key: string, tags: readonly string[], ttl: number | undefined, seen: Seen): Promise<Fence> {
    const names = fenceNames(key, tags);
    // Tags and the generation are shared by many entries, so they live as long as the server lets them.
    const lifetime = (name: string) => (name === epochName(key) ? lifetimeFor(ttl) : undefined);
    const versions = await Promise.all(names.map((name) => this.#versionOf(name, seen, lifetime(name))));
    return { names, stamp: sum(versions) };
  }

  /** The generation, a new one if there is none. */
  async generation(): Promise<number> {
    const seen: Seen = new Map();
    await this.look([GENERATION], seen);
    return await this.#versionOf(GENERATION, seen, undefined);
  }

  async #versionOf(name: string, seen: Seen, ttl: number | undefined): Promise<number> {
    const found = seen.get(name);
    if (isVersion(found)) return found;
    const making = this.#making.get(name) ?? this.#make(name, found, ttl).finally(() => this.#making.delete(name));
    this.#making.set(name, making);
    const made = await making;
    seen.set(name, made);
    return made;
  }

  async #make(name: string, trace: unknown, ttl: number | undefined): Promise<number> {
    // The trace of a bump would keep its TTL.
    const isOfUse = trace === undefined || (ttl === TRACE_TTL && isTrace(trace));
    if (!isOfUse) await this.#backend.delete(name);
    const first = firstVersion(this.#random);
    const made = await this.#incr(name, first, ttl);
    // Another was quicker, or the counter was there and could not be seen: it stays where it was, or it would grow with
    // each maker, and what is stored would be stale.
    return isVersion(made - first) ? await this.#incr(name, -first, TRACE_TTL) : made;
  }

  async #incr(name: string, delta: number, ttl: number | undefined): Promise<number> {
    return await add(this.#backend, name, delta, ttl);
  }
}

/** Adds to a counter; what is no counter, or has come to the end of the integers, begins anew. */
export async function add(
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
export async function find(backend: CacheBackend, names: readonly string[]): Promise<readonly unknown[]> {
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
function lifetimeFor(ttl: number | undefined): number | undefined {
  return ttl === undefined ? undefined : Math.min(MAX_TTL, Math.max(TRACE_TTL, 2 * ttl));
}
