import { type Packed, unpack } from './entry.ts';
import { epochName, fenceNames, GENERATION, isVersion, type SeenCounters, stampOf, tagName } from './fence.ts';

/** A read of the entries of some keys and of the counters that fence them: the names requested and the values found. */
export class Lookup {
  readonly names: string[];
  readonly #keys: readonly string[];
  readonly #tags: readonly string[];
  readonly #firstEpoch: number;
  #found: readonly unknown[] = [];
  #seen: SeenCounters | undefined;

  constructor(keys: readonly string[], tags: readonly string[]) {
    // Allocated at its full length: growing it takes a measurable part of the time of a hit.
    const names: string[] = new Array(1 + tags.length + 2 * keys.length);
    let at = 0;
    names[at++] = GENERATION;
    for (const tag of tags) names[at++] = tagName(tag);
    for (const key of keys) names[at++] = epochName(key);
    for (const key of keys) names[at++] = key;
    this.names = names;
    this.#keys = keys;
    this.#tags = tags;
    this.#firstEpoch = 1 + tags.length;
  }

  /** Takes the values found, in the order of `names`. */
  receive(found: readonly unknown[]): void {
    this.#found = found;
  }

  /** The values found for counters, by name. */
  get seen(): SeenCounters {
    if (this.#seen !== undefined) return this.#seen;
    const seen: SeenCounters = new Map();
    const counters = this.names.length - this.#keys.length;
    for (let index = 0; index < counters; index++) seen.set(this.names[index] as string, this.#found[index]);
    this.#seen = seen;
    return seen;
  }

  /** Names of counters that entries depend on and that were not read, because the caller did not name their tags. */
  get unseenCounters(): readonly string[] {
    const unseen: string[] = [];
    for (let index = 0; index < this.#keys.length; index++) {
      const entry = this.#entry(index);
      if (entry === undefined || this.#isNamed(entry)) continue;
      unseen.push(...this.#namesOf(index, entry).filter((name) => !this.seen.has(name)));
    }
    return unseen;
  }

  /** The value of the key at this index; `undefined` on a miss. */
  value(index: number): unknown {
    const entry = this.#entry(index);
    if (entry === undefined) return undefined;
    const [value, stamp] = entry;
    return stamp === this.#stamp(index, entry) ? value : undefined;
  }

  get values(): unknown[] {
    return this.#keys.map((_key, index) => this.value(index));
  }

  #entry(index: number): Packed | undefined {
    return unpack(this.#found[this.#firstEpoch + this.#keys.length + index]);
  }

  #namesOf(index: number, [, , ...tags]: Packed): string[] {
    return fenceNames(this.#keys[index] as string, tags);
  }

  /** Whether the entry has exactly the tags that the caller named, or none. */
  #isNamed(entry: Packed): boolean {
    if (entry.length === 2) return true;
    const tags = this.#tags;
    if (entry.length !== 2 + tags.length) return false;
    for (let index = 0; index < tags.length; index++) if (entry[2 + index] !== tags[index]) return false;
    return true;
  }

  #stamp(index: number, entry: Packed): number {
    // Summing by name takes a few times as long as by position.
    if (!this.#isNamed(entry)) return stampOf(this.#namesOf(index, entry), this.seen);
    const found = this.#found;
    const epoch = found[this.#firstEpoch + index];
    let total = isVersion(epoch) ? epoch : Number.NaN;
    // The generation comes first, then the tags.
    for (let at = entry.length - 2; at >= 0; at--) {
      const version = found[at];
      total += isVersion(version) ? version : Number.NaN;
    }
    return total;
  }
}
