import { type Call, type Found, LargeKeys, sendParts } from '@ninefold/core';
import type { CallState } from './sender.ts';
import { SharedCall } from './shared-call.ts';

/** Keys of one MGET: more save little, and the slowest holds up the others. */
const MAX_KEYS = 64;
/** Keys of the largest batch that is coalesced with other reads: a larger one gains little. */
const MAX_COALESCED_BATCH = 8;

interface PendingRead {
  readonly key: string;
  readonly call: Call;
  readonly resolve: (found: Found | Promise<Found>) => void;
  readonly reject: (error: unknown) => void;
}

interface Reads {
  get(key: string, call: CallState): Promise<Found>;
  getMany(
    keys: readonly string[],
    call: CallState,
    fallback?: () => Promise<readonly Found[]>,
  ): Promise<readonly Found[]>;
}

/**
 * Nagle's algorithm for reads. A read is sent at once if no other is in flight. Otherwise it waits until the event loop has
 * read its sockets, and is sent in one MGET with all that wait, small batches included. Known large values are read alone.
 */
export class CoalescedReads {
  readonly #reads: Reads;
  readonly #large = new LargeKeys();
  #pending: PendingRead[] = [];
  /** Number of commands in flight. */
  #inFlight = 0;

  constructor(reads: Reads) {
    this.#reads = reads;
  }

  get(key: string, call: Call): Promise<Found> {
    if (this.#inFlight === 0 || this.#large.has(key)) return this.#getAlone(key, call);
    return new Promise((resolve, reject) => {
      this.#pending.push({ key, call, resolve, reject });
      if (this.#pending.length === 1) setImmediate(() => this.flush());
      else if (this.#pending.length === MAX_KEYS) this.flush();
    });
  }

  async getMany(keys: readonly string[], call: Call): Promise<readonly Found[]> {
    if (this.#inFlight > 0 && keys.length <= MAX_COALESCED_BATCH) return await this.#getManyCoalesced(keys, call);
    this.#inFlight += 1;
    try {
      return await this.#reads.getMany(keys, call);
    } finally {
      this.#inFlight -= 1;
    }
  }

  /** Sends the pending reads. */
  flush(): void {
    if (this.#pending.length === 0) return;
    const pending = this.#pending.filter(({ call }) => !call.ended);
    this.#pending = [];
    if (pending.length > 1) void this.#sendCoalesced(pending);
    else this.#sendSeparately(pending);
  }

  async #getManyCoalesced(keys: readonly string[], call: Call): Promise<readonly Found[]> {
    const founds = keys.map((key) => this.get(key, call));
    try {
      return await Promise.all(founds);
    } catch {
      // Waits for the others and rejects with the first failure in order; without a failure this would cost a tenth more.
      return await sendParts(
        [...founds.entries()],
        ([at]) => keys[at],
        ([, found]) => found,
      );
    }
  }

  async #getAlone(key: string, call: Call): Promise<Found> {
    this.#inFlight += 1;
    try {
      const value = await this.#reads.get(key, call);
      this.#large.weigh(key, value);
      return value;
    } finally {
      this.#inFlight -= 1;
    }
  }

  /** One command for each read: a refusal of one does not fail the others, and each failure names its own key. */
  #sendSeparately(pending: readonly PendingRead[]): void {
    for (const { key, call, resolve } of pending) resolve(this.#getAlone(key, call));
  }

  async #sendCoalesced(pending: readonly PendingRead[]): Promise<void> {
    this.#inFlight += 1;
    const keys = pending.map(({ key }) => key);
    const shared = new SharedCall(pending.map(({ call }) => call));
    const fallback = async (): Promise<readonly Found[]> => {
      this.#sendSeparately(pending);
      return [];
    };
    try {
      const values = await this.#reads.getMany(keys, shared, fallback);
      // After the fallback each read is already resolved with its own reply; resolving it again has no effect.
      for (const [index, { key, resolve }] of pending.entries()) {
        this.#large.weigh(key, values[index]);
        resolve(values[index]);
      }
    } catch (error) {
      for (const { reject } of pending) reject(error);
    } finally {
      this.#inFlight -= 1;
    }
  }
}
