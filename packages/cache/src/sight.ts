import { type Packed, unpack } from './entry.ts';
import { epochName, fenceNames, GENERATION, isVersion, type Seen, stampOf, tagName } from './fence.ts';

export const NONE: readonly string[] = [];

/** What a read asks for, the entries of some keys and the counters that fence them, and what it found. */
export class Sight {
  readonly names: string[];
  readonly #keys: readonly string[];
  readonly #firstEpoch: number;
  #found: readonly unknown[] = [];
  #seen: Seen | undefined;

  constructor(keys: readonly string[], tags: readonly string[]) {
    // Of its length from the start, which is a part of the time of a hit.
    const names: string[] = new Array(1 + tags.length + 2 * keys.length);
    let at = 0;
    names[at++] = GENERATION;
    for (const tag of tags) names[at++] = tagName(tag);
    for (const key of keys) names[at++] = epochName(key);
    for (const key of keys) names[at++] = key;
    this.names = names;
    this.#keys = keys;
    this.#firstEpoch = 1 + tags.length;
  }

  /** Takes what was found of the names. */
  take(found: readonly unknown[]): void {
    this.#found = found;
  }

  /** The counters that were seen, by name. */
  get seen(): Seen {
    if (this.#seen !== undefined) return this.#seen;
    const seen: Seen = new Map();
    const counters = this.names.length - this.#keys.length;
    for (let index = 0; index < counters; index++) seen.set(this.names[index] as string, this.#found[index]);
    this.#seen = seen;
    return seen;
  }

  /** The counters that entries depend on and that the caller did not name. */
  get unseen(): readonly string[] {
    let unseen: string[] | undefined;
    for (let index = 0; index < this.#keys.length; index++) {
      const entry = this.#entry(index);
      // Without tags an entry depends on nothing else than was asked for.
      if (entry === undefined || entry.length === 2) continue;
      unseen ??= [];
      unseen.push(...this.#namesOf(index, entry).filter((name) => !this.seen.has(name)));
    }
    return unseen === undefined || unseen.length === 0 ? NONE : unseen;
  }

  /** The value of a key, `undefined` for a miss. */
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

  #stamp(index: number, entry: Packed): number {
    if (entry.length > 2) return stampOf(this.#namesOf(index, entry), this.seen);
    const generation = this.#found[0];
    const epoch = this.#found[this.#firstEpoch + index];
    return isVersion(generation) && isVersion(epoch) ? generation + epoch : Number.NaN;
  }
}
