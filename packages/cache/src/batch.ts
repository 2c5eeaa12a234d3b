import { CacheError } from '@ninefold/core';
import type { LoadContext } from './flight.ts';

/** Calls the loader of a batch; resolves values in the order of the indexes. */
export type BatchLoader = (indexes: readonly number[], context: LoadContext) => Promise<readonly unknown[]>;

interface PendingLoad {
  readonly index: number;
  readonly context: LoadContext;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface PendingWait {
  readonly wait: () => Promise<void>;
  readonly resume: () => void;
  readonly reject: (error: unknown) => void;
}

/** The part of one miss in a batch. */
export interface BatchSlot {
  /** Resolves the value, from one call of the loader for all misses that load. */
  readonly load: (context: LoadContext) => unknown;
  /** Waits together with the other misses that wait for another's load, so that all are read again together. */
  readonly pause: (wait: () => Promise<void>) => Promise<void>;
  /** Lets the others go on, because this miss does not load. */
  readonly skip: () => void;
}

/** Works in rounds: calls the loader once each miss has a lease to load or waits for another's load. */
export class Batch {
  readonly #backend: string;
  readonly #loader: BatchLoader;
  readonly #signal: AbortSignal | undefined;
  /** Misses of this round that neither load, wait nor skip yet. */
  #undecided: number;
  #pendingLoads: PendingLoad[] = [];
  #pendingWaits: PendingWait[] = [];

  constructor(backend: string, misses: number, loader: BatchLoader, signal: AbortSignal | undefined) {
    this.#backend = backend;
    this.#undecided = misses;
    this.#loader = loader;
    this.#signal = signal;
  }

  slot(index: number): BatchSlot {
    let decided = false;
    const decide = (): void => {
      if (!decided) this.#undecided -= 1;
      decided = true;
      if (this.#undecided > 0) return;
      void this.#callLoader();
      void this.#waitTogether();
    };
    const load = (context: LoadContext): Promise<unknown> =>
      new Promise((resolve, reject) => {
        this.#pendingLoads.push({ index, context, resolve, reject });
        decide();
      });
    const pause = (wait: () => Promise<void>): Promise<void> =>
      new Promise((resolve, reject) => {
        const resume = (): void => {
          decided = false;
          resolve();
        };
        this.#pendingWaits.push({ wait, resume, reject });
        decide();
      });
    return { load, pause, skip: decide };
  }

  async #waitTogether(): Promise<void> {
    const waits = this.#pendingWaits;
    this.#pendingWaits = [];
    try {
      await waits[0]?.wait();
      this.#undecided += waits.length;
      for (const { resume } of waits) resume();
    } catch (error) {
      for (const { reject } of waits) reject(error);
    }
  }

  async #callLoader(): Promise<void> {
    // In the order of the call: some took more round trips to get here.
    const loads = this.#pendingLoads.sort((one, other) => one.index - other.index);
    this.#pendingLoads = [];
    if (loads.length === 0) return;
    const context = contextOf(loads);
    try {
      // If the batch was aborted before all were ready, it loads only if another caller waits for one of the values.
      if (this.#signal?.aborted === true) context.signal.throwIfAborted();
      const values = await this.#loader(
        loads.map(({ index }) => index),
        context,
      );
      if (!Array.isArray(values) || values.length !== loads.length) {
        // Promises among them that reject are nobody's.
        if (Array.isArray(values)) void Promise.allSettled(values);
        const found = Array.isArray(values) ? `an array of ${values.length}` : 'no array';
        const reason = `the loader must return an array of ${loads.length} values, one for each key in their order, and returned ${found}`;
        throw new CacheError({ code: 'INVALID_VALUE', backend: this.#backend, operation: 'getOrSetMany', reason });
      }
      for (const [at, { resolve }] of loads.entries()) resolve(values[at]);
    } catch (error) {
      for (const { reject } of loads) reject(error);
    }
  }
}

function contextOf(loads: readonly PendingLoad[]): LoadContext {
  let signal: AbortSignal | undefined;
  return {
    get signal() {
      signal ??= allAborted(loads.map(({ context }) => context.signal));
      return signal;
    },
  };
}

/** A signal that aborts when no caller waits for any of the values. */
function allAborted(signals: readonly AbortSignal[]): AbortSignal {
  const controller = new AbortController();
  let waiting = signals.length;
  for (const signal of signals) {
    const leave = (): void => {
      waiting -= 1;
      if (waiting === 0) controller.abort(signal.reason);
    };
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  }
  return controller.signal;
}
