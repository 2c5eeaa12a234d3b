/**
 * Names in the backend. An entry is stored under its encoded key. All other names begin with a mark that no encoded key
 * begins with: the counters that fence entries (the epoch of each key, the version of each tag, the generation of the
 * cache), leases, and the counters of `incr`.
 */
export const GENERATION = '!g';
export const epochName = (key: string): string => `!e:${key}`;
export const tagName = (tag: string): string => `!t:${tag}`;
/** The lease for replacing a generation that a dead process has left unusable. */
export const GENERATION_LEASE = '!r';
export const leaseName = (key: string): string => `!l:${key}`;
export const countName = (generation: number, key: string): string => `!n:${generation}:${key}`;

/** The key that a name belongs to; `undefined` if it belongs to no single key. */
export function keyOf(name: string): string | undefined {
  if (!name.startsWith('!')) return name;
  return /^!(?:[el]|n:\d+):(.+)$/s.exec(name)?.[1];
}

/** The lowest initial value of a counter. A value below it is a trace: bumps of a counter that did not exist. */
const MIN_VERSION = 2 ** 40;
const INITIAL_VERSIONS = 2 ** 39;
/** Invalid from here on. No counter gets here, even if hundreds of creators add to it before they take that back. */
const VERSION_LIMIT = 2 ** 50;

/** A random initial value, one of 2^39, so that a counter recreated after an eviction matches no earlier entry. */
export function initialVersion(random: () => number): number {
  return MIN_VERSION + Math.floor(random() * INITIAL_VERSIONS);
}

/** Whether it is a valid value of a counter, be that an epoch, the version of a tag or the generation. */
export function isVersion(found: unknown): found is number {
  return typeof found === 'number' && found >= MIN_VERSION && found < VERSION_LIMIT;
}

/** Whether one process created it. Two creators add up to at least twice the minimum, and bumps never get there. */
export function hasOneCreator(version: number): boolean {
  return isVersion(version) && version < 2 * MIN_VERSION;
}

/** Whether it is what bumps left of a counter that did not exist. */
export function isTrace(found: unknown): boolean {
  return typeof found === 'number' && found > 0 && found < MIN_VERSION;
}

/** The values of counters by name, valid or not, as found in reads that all began after the same moment. */
export type SeenCounters = Map<string, unknown>;

/**
 * The counters that a value depends on and their sum, read before the value was made. Every bump raises the sum for
 * good, and a counter that was lost and recreated moves it, so one number shows whether anything was bumped since.
 */
export interface Fence {
  readonly names: readonly string[];
  readonly stamp: number;
}

/** The most tags of an entry. That many counters, each of one creator, add up within the safe integers. */
export const MAX_TAGS = 1000;

/** The names of the counters that an entry under `key` with `tags` depends on. */
export function fenceNames(key: string, tags: readonly string[]): string[] {
  return [GENERATION, epochName(key), ...tags.map(tagName)];
}

/** The sum of the counters with these names; `NaN` if one is missing, or if it is too large to show every bump. */
export function stampOf(names: readonly string[], seen: SeenCounters): number {
  let total = 0;
  for (const name of names) {
    const version = seen.get(name);
    total += isVersion(version) ? version : Number.NaN;
  }
  return total < Number.MAX_SAFE_INTEGER ? total : Number.NaN;
}

/** Whether nothing that the fence depends on was bumped between it and the reads of `seen`. */
export function holds({ names, stamp }: Fence, seen: SeenCounters): boolean {
  return stampOf(names, seen) === stamp;
}
