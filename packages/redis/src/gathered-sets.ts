import type { Call } from '@ninefold/core';
import type { Entry } from './commands.ts';
import type { Sending } from './sender.ts';
import { Together } from './together.ts';

/** Keys of one command, as for reads. */
const MOST_KEYS = 64;
/** UTF-16 units of a text above which a command of its own is faster: the server reads it while the next one is written. */
const MOST_LENGTH = 2000;

interface Ask {
  readonly entry: Entry;
  readonly call: Call;
  readonly resolve: (stored?: Promise<void>) => void;
  readonly reject: (error: unknown) => void;
}

interface Sets {
  /** Whether what is sent leaves at once, and not for a call that may have ended by then. */
  readonly ready: boolean;
  set(entry: Entry, ttlMs: number | undefined, call: Sending): Promise<void>;
  setMany(
    entries: readonly Entry[],
    ttlMs: number | undefined,
    call: Sending,
    apart: () => Promise<void>,
  ): Promise<void>;
}

/** Sends the sets of one tick that have the same TTL as one. It costs a set that is alone nothing: a tick is written at its end. */
export class GatheredSets {
  readonly #sets: Sets;
  #asks: Ask[] = [];
  #ttlMs: number | undefined;

  constructor(sets: Sets) {
    this.#sets = sets;
  }

  set(entry: Entry, ttlMs: number | undefined, call: Call): Promise<void> {
    const [, value] = entry;
    if (typeof value === 'string' && value.length > MOST_LENGTH) {
      this.flush();
      return this.#sets.set(entry, ttlMs, call);
    }
    if (this.#ttlMs !== ttlMs) this.flush();
    this.#ttlMs = ttlMs;
    return new Promise((resolve, reject) => {
      this.#asks.push({ entry, call, resolve, reject });
      if (this.#asks.length === 1) process.nextTick(() => this.flush());
      else if (this.#asks.length === MOST_KEYS) this.flush();
    });
  }

  /** Sends what was collected. */
  flush(): void {
    const [asks, ttlMs] = [this.#asks, this.#ttlMs];
    if (asks.length === 0) return;
    this.#asks = [];
    if (asks.length > 1 && this.#sets.ready) void this.#together(asks, ttlMs);
    else this.#apart(asks, ttlMs);
  }

  /** Each for itself: what one is refused is nothing to the others, and none is sent for a call that has ended. */
  #apart(asks: readonly Ask[], ttlMs: number | undefined): void {
    for (const { entry, call, resolve } of asks) resolve(this.#sets.set(entry, ttlMs, call));
  }

  async #together(asks: readonly Ask[], ttlMs: number | undefined): Promise<void> {
    const entries = asks.map(({ entry }) => entry);
    const calls = new Together(asks.map(({ call }) => call));
    try {
      await this.#sets.setMany(entries, ttlMs, calls, async () => this.#apart(asks, ttlMs));
      // Those that were sent apart have their own answers by now, or wait for them.
      for (const { resolve } of asks) resolve();
    } catch (error) {
      for (const { reject } of asks) reject(error);
    }
  }
}
