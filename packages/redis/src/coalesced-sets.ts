import type { Call } from '@ninefold/core';
import type { Entry } from './commands.ts';
import type { CallState } from './sender.ts';
import { SharedCall } from './shared-call.ts';

/** Keys of one command, as in `coalesced-reads.ts`. */
const MAX_KEYS = 64;
/** UTF-16 units above which a command of its own is faster: the server reads it while the next one is written. */
const MAX_LENGTH = 2000;

interface PendingSet {
  readonly entry: Entry;
  readonly call: Call;
  readonly resolve: (stored?: Promise<void>) => void;
  readonly reject: (error: unknown) => void;
}

interface Sets {
  /** Whether commands are written at once, so that no call can end before its command is sent. */
  readonly ready: boolean;
  set(entry: Entry, ttlMs: number | undefined, call: CallState): Promise<void>;
  setMany(
    entries: readonly Entry[],
    ttlMs: number | undefined,
    call: CallState,
    fallback: () => Promise<void>,
  ): Promise<void>;
}

/** Coalesces the sets of one tick that have the same TTL into one command, at the end of the tick. A lone set loses nothing. */
export class CoalescedSets {
  readonly #sets: Sets;
  #pending: PendingSet[] = [];
  #ttlMs: number | undefined;

  constructor(sets: Sets) {
    this.#sets = sets;
  }

  set(entry: Entry, ttlMs: number | undefined, call: Call): Promise<void> {
    const [, value] = entry;
    if (typeof value === 'string' && value.length > MAX_LENGTH) {
      this.flush();
      return this.#sets.set(entry, ttlMs, call);
    }
    if (this.#ttlMs !== ttlMs) this.flush();
    this.#ttlMs = ttlMs;
    return new Promise((resolve, reject) => {
      this.#pending.push({ entry, call, resolve, reject });
      if (this.#pending.length === 1) process.nextTick(() => this.flush());
      else if (this.#pending.length === MAX_KEYS) this.flush();
    });
  }

  /** Sends the pending sets. */
  flush(): void {
    const [pending, ttlMs] = [this.#pending, this.#ttlMs];
    if (pending.length === 0) return;
    this.#pending = [];
    if (pending.length > 1 && this.#sets.ready) void this.#sendCoalesced(pending, ttlMs);
    else this.#sendSeparately(pending, ttlMs);
  }

  /** One command for each set: a refusal of one does not fail the others, and a call that has ended is not sent. */
  #sendSeparately(pending: readonly PendingSet[], ttlMs: number | undefined): void {
    for (const { entry, call, resolve } of pending) resolve(this.#sets.set(entry, ttlMs, call));
  }

  async #sendCoalesced(pending: readonly PendingSet[], ttlMs: number | undefined): Promise<void> {
    const entries = pending.map(({ entry }) => entry);
    const shared = new SharedCall(pending.map(({ call }) => call));
    try {
      await this.#sets.setMany(entries, ttlMs, shared, async () => this.#sendSeparately(pending, ttlMs));
      // After the fallback each set is already resolved with its own reply; resolving it again has no effect.
      for (const { resolve } of pending) resolve();
    } catch (error) {
      for (const { reject } of pending) reject(error);
    }
  }
}
