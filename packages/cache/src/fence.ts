/**
 * Where things lie in the backend: an entry under its key, everything else behind a mark with which no encoded key begins.
 * That are the counters that fence entries (the epoch of each key, the version of each tag, the generation of all), leases,
 * and the counters of `incr`.
 */
export const GENERATION = '!g';
export const epochName = (key: string): string => `!e:${key}`;
export const tagName = (tag: string): string => `!t:${tag}`;
/** The lease of who makes the generation anew. */
export const GENERATION_LEASE = '!r';
export const leaseName = (key: string): string => `!l:${key}`;
export const countName = (generation: number, key: string): string => `!n:${generation}:${key}`;

/** The key that something lies there for, `undefined` for what is not one key's. */
export function keyOf(name: string): string | undefined {
  if (!name.startsWith('!')) return name;
  return /^!(?:[el]|n:\d+):(.+)$/s.exec(name)?.[1];
}

/** What a counter began at, at the least. Below it there is only the trace of a bump of a counter that was not there. */
const MIN_VERSION = 2 ** 40;
const INITIAL_VERSIONS = 2 ** 39;
/** Where a counter has been spoilt. So far none comes, though hundreds of makers add to it at once before they take it back. */
const VERSION_LIMIT = 2 ** 50;

/** Where a counter begins: one of 2^39 places, so that one that was evicted and made anew matches no entry of before. */
export function initialVersion(random: () => number): number {
  return MIN_VERSION + Math.floor(random() * INITIAL_VERSIONS);
}

export function isVersion(found: unknown): found is number {
  return typeof found === 'number' && found >= MIN_VERSION && found < VERSION_LIMIT;
}

/** Whether it is of one maker: two begin at the double of the first version at the least, and none is bumped so often. */
export function hasOneCreator(version: number): boolean {
  return isVersion(version) && version < 2 * MIN_VERSION;
}

/** What bumps left of a counter that was not there. */
export function isTrace(found: unknown): boolean {
  return typeof found === 'number' && found > 0 && found < MIN_VERSION;
}

/** What was found of counters in reads that all began after the same moment, by their names. */
export type SeenCounters = Map<string, unknown>;

/**
 * The counters that a value depends on and their sum, read before it was made. Every bump raises the sum for good, and a
 * counter that was lost and made anew puts it elsewhere, so one number says whether anything was bumped since.
 */
export interface Fence {
  readonly names: readonly string[];
  readonly stamp: number;
}

/** Tags of an entry at the most: so many counters add up within the safe integers, as each has one maker. */
export const MOST_TAGS = 1000;

/** The names of the counters that an entry under `key` with `tags` depends on. */
export function fenceNames(key: string, tags: readonly string[]): string[] {
  return [GENERATION, epochName(key), ...tags.map(tagName)];
}

/** The sum of counters, `NaN` where one is missing, or where a bump might be lost in it. */
export function sum(counters: Iterable<unknown>): number {
  let total = 0;
  for (const counter of counters) total += isVersion(counter) ? counter : Number.NaN;
  return total < Number.MAX_SAFE_INTEGER ? total : Number.NaN;
}

/** The sum of the counters of these names, `NaN` where one is missing. */
export function stampOf(names: readonly string[], seen: SeenCounters): number {
  return sum(names.map((name) => seen.get(name)));
}

/** Whether nothing was deleted or invalidated between the fence and the sight. */
export function holds({ names, stamp }: Fence, seen: SeenCounters): boolean {
  return stampOf(names, seen) === stamp;
}
