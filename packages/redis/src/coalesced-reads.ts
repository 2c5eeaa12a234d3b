import { type Call, type Found, LargeKeys, underKey } from '@ninefold/core';
import type { CallState } from './sender.ts';
import { SharedCall } from './shared-call.ts';

/** Keys of one MGET: more save little, and the slowest holds up the others. */
const MAX_KEYS = 64;
/** Keys of the largest batch that is coalesced with other reads: a larger one gains little. */
const MAX_COALESCED_BATCH = 8;

interface PendingRead {
  /** One key, whose value is the result, or the keys of a small batch, whose values are. */
  readonly keys: string | readonly string[];
  readonly call: Call;
  // A method, so that it may be the `resolve` of either result's promise.
  resolve(result: unknown): void;
  reject(error: unknown): void;
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
 * read its sockets, and is sent in one MGET with all that wait, small batches included. A read of a value known to be large
 * is sent alone.
 */
export class CoalescedReads {
  readonly #reads: Reads;
  readonly #large = new LargeKeys();
  #pending: PendingRead[] = [];
  /** Number of keys of the pending reads. */
  #pendingKeys = 0;
  /** Number of commands in flight. */
  #inFlight = 0;

  constructor(reads: Reads) {
    this.#reads = reads;
  }

  get(key: string, call: Call): Promise<Found> {
    if (this.#inFlight === 0 || this.#large.has(key)) return this.#getAlone(key, call);
    return new Promise((resolve, reject) => this.#coalesce({ keys: key, call, resolve, reject }, 1));
  }

  getMany(keys: readonly string[], call: Call): Promise<readonly Found[]> {
    const { length } = keys;
    if (this.#inFlight === 0 || length > MAX_COALESCED_BATCH || keys.some((key) => this.#large.has(key)))
      return this.#getManyAlone(keys, call);
    return new Promise((resolve, reject) => this.#coalesce({ keys, call, resolve, reject }, length));
  }

  /** Sends the pending reads. */
  flush(): void {
    if (this.#pending.length === 0) return;
    const pending = this.#pending.filter(({ call }) => !call.ended);
    this.#pending = [];
    this.#pendingKeys = 0;
    if (pending.length > 1) void this.#sendCoalesced(pending);
    else this.#sendSeparately(pending);
  }

  #coalesce(read: PendingRead, keys: number): void {
    if (this.#pendingKeys + keys > MAX_KEYS) this.flush();
    this.#pendingKeys += keys;
    if (this.#pending.push(read) === 1) setImmediate(() => this.flush());
    if (this.#pendingKeys === MAX_KEYS) this.flush();
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

  async #getManyAlone(keys: readonly string[], call: Call): Promise<readonly Found[]> {
    this.#inFlight += 1;
    try {
      const values = await this.#reads.getMany(keys, call);
      if (keys.length <= MAX_COALESCED_BATCH) this.#weigh(keys, values);
      return values;
    } catch (error) {
      throw underKey(error, keys[0]);
    } finally {
      this.#inFlight -= 1;
    }
  }

  #weigh(keys: readonly string[], values: readonly Found[]): void {
    for (let index = 0; index < keys.length; index++) this.#large.weigh(keys[index] as string, values[index]);
  }

  /** A command of its own for each read: a refusal of one does not fail the others. */
  #sendSeparately(pending: readonly PendingRead[]): void {
    for (const { keys, call, resolve } of pending)
      resolve(typeof keys === 'string' ? this.#getAlone(keys, call) : this.#getManyAlone(keys, call));
  }

  async #sendCoalesced(pending: readonly PendingRead[]): Promise<void> {
    this.#inFlight += 1;
    const keys = pending.flatMap((read) => read.keys);
    const shared = new SharedCall(pending.map(({ call }) => call));
    const fallback = async (): Promise<readonly Found[]> => {
      this.#sendSeparately(pending);
      return [];
    };
    try {
      const values = await this.#reads.getMany(keys, shared, fallback);
      this.#weigh(keys, values);
      // After the fallback each read is already resolved with its own reply; resolving it again has no effect.
      let at = 0;
      for (const { keys, resolve } of pending) {
        const end = at + (typeof keys === 'string' ? 1 : keys.length);
        resolve(typeof keys === 'string' ? values[at] : values.slice(at, end));
        at = end;
      }
    } catch (error) {
      for (const { keys, reject } of pending) reject(typeof keys === 'string' ? error : underKey(error, keys[0]));
    } finally {
      this.#inFlight -= 1;
    }
  }
}
