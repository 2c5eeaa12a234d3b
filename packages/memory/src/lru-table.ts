import type { Stored } from '@ninefold/core';

export interface Bounds {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** The row number that stands for no row. */
const NONE = -1;
const FIRST_CAPACITY = 16;
/** The growth of a full table, as a fraction of its rows. Bounds the share of unused rows. */
const GROWTH = 1 / 8;

/**
 * Entries in the order of their last use, bounded by number and bytes. Each entry is a row across columns instead of an
 * object, which halves its memory to 36 bytes, besides the `Map` from keys to rows.
 */
export class LruTable {
  readonly #bounds: Bounds;
  readonly #now: () => number;
  readonly #rows = new Map<string, number>();
  #keys: string[] = [];
  #values: Stored[] = [];
  #sizes = new Uint32Array(0);
  /** When each entry expires, on the clock of `now`; `Infinity` for never. */
  #expiries = new Float64Array(0);
  /** The links of the list in order of use. A free row has the next free row in `#newer`. */
  #older = new Int32Array(0);
  #newer = new Int32Array(0);
  #oldest = NONE;
  #newest = NONE;
  #free = NONE;
  /** The number of rows that have ever been used. */
  #used = 0;
  #bytes = 0;
  #evictions: number;

  constructor(bounds: Bounds, now: () => number, evictions = 0) {
    this.#bounds = bounds;
    this.#now = now;
    this.#evictions = evictions;
  }

  get entries(): number {
    return this.#rows.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The number of entries evicted before they expired. */
  get evictions(): number {
    return this.#evictions;
  }

  /** The value of a key, which becomes the most recently used. */
  get(key: string): Stored | undefined {
    const row = this.#rows.get(key);
    if (row === undefined) return undefined;
    if (this.#isExpired(row)) {
      this.#remove(row);
      return undefined;
    }
    this.#touch(row);
    return this.#values[row];
  }

  has(key: string): boolean {
    const row = this.#rows.get(key);
    return row !== undefined && !this.#isExpired(row);
  }

  /** Stores or replaces an entry. `size` in bytes must not exceed `maxBytes`; `expiry` is on the clock of `now`. */
  set(key: string, value: Stored, size: number, expiry: number): void {
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = this.#add(key);
    } else {
      this.#bytes -= this.#sizes[row] as number;
      this.#touch(row);
    }
    this.#values[row] = value;
    this.#sizes[row] = size;
    this.#expiries[row] = expiry;
    this.#bytes += size;
    while (this.#bytes > this.#bounds.maxBytes || this.#rows.size > this.#bounds.maxEntries) this.#evict();
  }

  /** When the entry of a key expires, on the clock of `now`; `Infinity` for never. */
  expiryOf(key: string): number {
    const row = this.#rows.get(key);
    return row === undefined ? Number.POSITIVE_INFINITY : (this.#expiries[row] as number);
  }

  /** Deletes an entry. `false` if there was none, or if it had expired. */
  delete(key: string): boolean {
    const row = this.#rows.get(key);
    if (row === undefined) return false;
    const expired = this.#isExpired(row);
    this.#remove(row);
    return !expired;
  }

  /** Deletes all expired entries, in a walk over all entries. */
  purge(): void {
    for (const row of this.#rows.values()) if (this.#isExpired(row)) this.#remove(row);
  }

  #isExpired(row: number): boolean {
    const expiry = this.#expiries[row] as number;
    return expiry !== Number.POSITIVE_INFINITY && this.#now() >= expiry;
  }

  #evict(): void {
    if (!this.#isExpired(this.#oldest)) this.#evictions += 1;
    this.#remove(this.#oldest);
  }

  #add(key: string): number {
    let row = this.#free;
    if (row === NONE) {
      row = this.#used;
      if (row === this.#sizes.length) this.#grow();
      this.#used += 1;
    } else {
      this.#free = this.#newer[row] as number;
    }
    this.#rows.set(key, row);
    this.#keys[row] = key;
    this.#link(row);
    return row;
  }

  #remove(row: number): void {
    this.#rows.delete(this.#keys[row] as string);
    this.#unlink(row);
    this.#bytes -= this.#sizes[row] as number;
    // Releases both for garbage collection.
    this.#keys[row] = '';
    this.#values[row] = 0;
    this.#newer[row] = this.#free;
    this.#free = row;
  }

  #touch(row: number): void {
    if (row === this.#newest) return;
    this.#unlink(row);
    this.#link(row);
  }

  #link(row: number): void {
    this.#older[row] = this.#newest;
    this.#newer[row] = NONE;
    if (this.#newest === NONE) this.#oldest = row;
    else this.#newer[this.#newest] = row;
    this.#newest = row;
  }

  #unlink(row: number): void {
    const older = this.#older[row] as number;
    const newer = this.#newer[row] as number;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
  }

  #grow(): void {
    const capacity = FIRST_CAPACITY + Math.ceil(this.#used * (1 + GROWTH));
    this.#keys = grown(this.#keys, capacity);
    this.#values = grown(this.#values, capacity);
    this.#sizes = copied(new Uint32Array(capacity), this.#sizes);
    this.#expiries = copied(new Float64Array(capacity), this.#expiries);
    this.#older = copied(new Int32Array(capacity), this.#older);
    this.#newer = copied(new Int32Array(capacity), this.#newer);
  }
}

/** Copies a list into one of exactly that capacity. A list that grows on its own reserves half as much again. */
function grown<T>(list: readonly T[], capacity: number): T[] {
  const longer = new Array<T>(capacity);
  for (let index = 0; index < list.length; index++) longer[index] = list[index] as T;
  return longer;
}

function copied<T extends { set(column: T): void }>(longer: T, column: T): T {
  longer.set(column);
  return longer;
}
