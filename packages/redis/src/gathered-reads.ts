import { type Call, type Found, LargeKeys, sendParts } from '@ninefold/core';
import type { Sending } from './sender.ts';
import { Together } from './together.ts';

/** Keys of one MGET: more save little, and the slowest of them holds up the others. */
const MOST_KEYS = 64;
/** Keys of a batch that shares its MGET with others: a larger one gains little by it. */
const MOST_SHARED = 8;

interface Ask {
  readonly key: string;
  readonly call: Call;
  readonly resolve: (found: Found | Promise<Found>) => void;
  readonly reject: (error: unknown) => void;
}

interface Reads {
  get(key: string, call: Sending): Promise<Found>;
  getMany(keys: readonly string[], call: Sending, apart?: () => Promise<readonly Found[]>): Promise<readonly Found[]>;
}

/**
 * Nagle's algorithm for reads: one that finds none under way is sent at once; the others are collected until the event
 * loop has read its sockets, and are sent as one, small batches among them. Values known to be large are always asked for alone.
 */
export class GatheredReads {
  readonly #reads: Reads;
  readonly #large = new LargeKeys();
  #asks: Ask[] = [];
  /** Reads under way. */
  #awaited = 0;

  constructor(reads: Reads) {
    this.#reads = reads;
  }

  get(key: string, call: Call): Promise<Found> {
    if (this.#awaited === 0 || this.#large.has(key)) return this.#alone(key, call);
    return new Promise((resolve, reject) => {
      this.#asks.push({ key, call, resolve, reject });
      if (this.#asks.length === 1) setImmediate(() => this.flush());
      else if (this.#asks.length === MOST_KEYS) this.flush();
    });
  }

  async getMany(keys: readonly string[], call: Call): Promise<readonly Found[]> {
    if (this.#awaited > 0 && keys.length <= MOST_SHARED) return await this.#shared(keys, call);
    this.#awaited += 1;
    try {
      return await this.#reads.getMany(keys, call);
    } finally {
      this.#awaited -= 1;
    }
  }

  /** Sends what was collected. */
  flush(): void {
    if (this.#asks.length === 0) return;
    const asks = this.#asks.filter(({ call }) => !call.ended);
    this.#asks = [];
    if (asks.length > 1) void this.#together(asks);
    else this.#apart(asks);
  }

  async #shared(keys: readonly string[], call: Call): Promise<readonly Found[]> {
    const founds = keys.map((key) => this.get(key, call));
    try {
      return await Promise.all(founds);
    } catch {
      // It waits for the others and tells the first failure in their order, which costs a tenth where none fails.
      return await sendParts(
        [...founds.entries()],
        ([at]) => keys[at],
        ([, found]) => found,
      );
    }
  }

  async #alone(key: string, call: Call): Promise<Found> {
    this.#awaited += 1;
    try {
      const value = await this.#reads.get(key, call);
      this.#large.weigh(key, value);
      return value;
    } finally {
      this.#awaited -= 1;
    }
  }

  /** Each for itself: what one is refused is nothing to the others, and no failure names the key of another. */
  #apart(asks: readonly Ask[]): void {
    for (const { key, call, resolve } of asks) resolve(this.#alone(key, call));
  }

  async #together(asks: readonly Ask[]): Promise<void> {
    this.#awaited += 1;
    const keys = asks.map(({ key }) => key);
    const all = new Together(asks.map(({ call }) => call));
    const apart = async (): Promise<readonly Found[]> => {
      this.#apart(asks);
      return [];
    };
    try {
      const values = await this.#reads.getMany(keys, all, apart);
      // Those that were asked apart have their own answers by now, or wait for them.
      for (const [index, { key, resolve }] of asks.entries()) {
        this.#large.weigh(key, values[index]);
        resolve(values[index]);
      }
    } catch (error) {
      for (const { reject } of asks) reject(error);
    } finally {
      this.#awaited -= 1;
    }
  }
}
