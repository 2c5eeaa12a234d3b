import {
  type CacheDriver,
  type Call,
  type Capabilities,
  DriverError,
  type Found,
  type Stored,
  utf8Bytes,
} from '@ninefold/core';
import { LRUCache } from 'lru-cache';

/** What an entry takes besides its key and text: two string headers, a place in the table and the list's links. */
export const ENTRY_BYTES = 128;
/** What a counter takes in place of a text. */
const COUNTER_BYTES = 8;

// Where there is a Buffer it counts in half the time, which is a tenth of a small write.
const { Buffer } = globalThis as { readonly Buffer?: { byteLength(text: string): number } };
const bytesOf = Buffer?.byteLength ?? utf8Bytes;

export interface MemoryStats {
  /** Entries that are there; those that have expired are not. */
  readonly entries: number;
  /** What they take: of each, the UTF-8 bytes of its stored key and text (a counter: 8) and 128 more. */
  readonly bytes: number;
  /** How many entries were dropped before their time to keep within the bounds, since the backend was made. */
  readonly evictions: number;
}

interface Bounds {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

type Entry = readonly [key: string, value: Stored];

/** Texts and integers in an LRU list. */
export class MemoryDriver implements CacheDriver {
  readonly name = 'memory';
  readonly capabilities: Capabilities;
  readonly #bounds: Bounds;
  readonly #now: () => number;
  #entries: LRUCache<string, Stored>;
  #evictions = 0;

  constructor(capabilities: Capabilities, bounds: Bounds, now: () => number) {
    this.capabilities = capabilities;
    this.#bounds = bounds;
    this.#now = now;
    this.#entries = this.#create();
  }

  get(key: string): Found {
    return this.#entries.get(key);
  }

  getMany(keys: readonly string[]): readonly Found[] {
    return keys.map((key) => this.#entries.get(key));
  }

  setMany(entries: readonly Entry[], ttl: number | undefined, call: Call): void {
    const [first] = entries;
    if (first !== undefined && entries.length === 1) {
      this.#put(first, this.#sizeOf(first, call), ttl);
      return;
    }
    // All are weighed before one is stored, so that a value too large leaves everything as it was.
    const sizes = entries.map((entry) => this.#sizeOf(entry, call));
    for (const [index, entry] of entries.entries()) this.#put(entry, sizes[index] as number, ttl);
  }

  exists(key: string): boolean {
    return this.#entries.has(key);
  }

  deleteMany(keys: readonly string[]): number {
    let deleted = 0;
    for (const key of keys) {
      // Asked first: an entry that has expired can still be removed, but there was none.
      if (this.#entries.has(key)) deleted += 1;
      this.#entries.delete(key);
    }
    return deleted;
  }

  incr(key: string, delta: number, ttl: number | undefined, call: Call): number {
    const old = this.#entries.get(key);
    if (typeof old === 'string') throw refusal(call, 'NOT_A_COUNTER', 'the stored value is no integer');
    const value = (old ?? 0) + delta;
    if (!Number.isSafeInteger(value)) throw refusal(call, 'COUNTER_RANGE', 'the result is no safe integer');
    const size = this.#sizeOf([key, value], call);
    if (old === undefined) this.#put([key, value], size, ttl);
    else this.#entries.set(key, value, { size, noUpdateTTL: true });
    return value;
  }

  close(): void {
    // Emptying it would keep its lists as long as they have ever been.
    this.#entries = this.#create();
  }

  stats(): MemoryStats {
    this.#entries.purgeStale();
    const { size, calculatedSize } = this.#entries;
    return { entries: size, bytes: calculatedSize, evictions: this.#evictions };
  }

  #sizeOf([key, value]: Entry, call: Call): number {
    const size = ENTRY_BYTES + bytesOf(key) + (typeof value === 'string' ? bytesOf(value) : COUNTER_BYTES);
    if (size <= this.#bounds.maxBytes) return size;
    throw refusal(call, 'TOO_LARGE', `the entry takes ${size} bytes of the ${this.#bounds.maxBytes} that all may`, key);
  }

  #put([key, value]: Entry, size: number, ttl: number | undefined): void {
    // Without a start it would read the clock for what has no TTL too.
    this.#entries.set(key, value, ttl === undefined ? { size, ttl: 0, start: 0 } : { size, ttl: lifetimeOf(ttl) });
    if (this.#entries.size > this.#bounds.maxEntries) this.#entries.pop();
  }

  #create(): LRUCache<string, Stored> {
    // lru-cache takes an entry born at 0 for one that never expires, so its clock begins at 1.
    const origin = this.#now() - 1;
    const entries: LRUCache<string, Stored> = new LRUCache({
      // Not `max`, which sets memory aside for every entry there may be, and wipes all of it with the last one deleted.
      maxSize: this.#bounds.maxBytes,
      perf: { now: () => this.#now() - origin },
      // With a resolution it would remember the time, by a timer.
      ttlResolution: 0,
      // Of no entry, for each has its own; a list of TTLs that is begun late is a sparse one.
      ttl: 1,
      noDisposeOnSet: true,
      dispose: (_value, key, reason) => {
        if (reason === 'evict' && entries.has(key)) this.#evictions += 1;
      },
    });
    return entries;
  }
}

/** Whole milliseconds, rounded up, in lru-cache's terms. */
function lifetimeOf(ttl: number): number {
  // An entry of lru-cache's outlives its TTL: the next number below it ends it at the millisecond.
  return Math.ceil(ttl * 1000) * (1 - Number.EPSILON);
}

function refusal(call: Call, code: DriverError['code'], message: string, key?: string): DriverError {
  // Whatever is refused here has certainly not been done.
  call.sent = false;
  return new DriverError(code, message, { applied: 'no', key });
}
