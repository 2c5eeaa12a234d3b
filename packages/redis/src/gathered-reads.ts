import { type Call, type Found, isDriverError, LargeKeys, sendParts } from '@ninefold/core';
import type { Sending } from './sender.ts';
import { Together } from './together.ts';

/** Keys of one MGET: more save little, and the slowest of them holds up the others. */
const MOST_KEYS = 64;
/** Keys of a batch that shares its MGET with others: a larger one gains little by it. */
const MOST_SHARED = 8;

interface Ask {
  readonly key: string;
  readonly call: Call;
  readonly resolve: (found: Found) => void;
  readonly reject: (error: unknown) => void;
}

interface Reads {
  get(key: string, call: Sending): Promise<Found>;
  getMany(keys: readonly string[], call: Sending): Promise<readonly Found[]>;
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
    const shares = this.#awaited > 0 && keys.length <= MOST_SHARED;
    if (shares) return await Promise.all(keys.map((key) => this.get(key, call)));
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
    const [first] = asks;
    if (first === undefined) return;
    if (asks.length === 1) this.#alone(first.key, first.call).then(first.resolve, first.reject);
    else void this.#together(asks);
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

  async #together(asks: readonly Ask[]): Promise<void> {
    this.#awaited += 1;
    const all = new Together(asks.map(({ call }) => call));
    try {
      const values = await this.#reads.getMany(
        asks.map(({ key }) => key),
        all,
      );
      for (const [index, { key, resolve }] of asks.entries()) {
        this.#large.weigh(key, values[index]);
        resolve(values[index]);
      }
    } catch (error) {
      // A key that the user may not read fails those that it may; each is told for itself.
      if (isDriverError(error) && error.options.cause?.code === 'NOPERM') for (const ask of asks) this.#apart(ask);
      else for (const { reject } of asks) reject(error);
    } finally {
      this.#awaited -= 1;
    }
  }

  /** A failure names the key, which may be one of a batch. */
  #apart({ key, call, resolve, reject }: Ask): void {
    sendParts([key], itself, () => this.#alone(key, call)).then(([found]) => resolve(found), reject);
  }
}

function itself(key: string): string {
  return key;
}
