import { CacheError } from '@ninefold/core';
import type { LoadContext } from './flight.ts';

/** Calls the loader of a batch, for values in the order of the indexes. */
export type BatchLoader = (indexes: readonly number[], context: LoadContext) => Promise<readonly unknown[]>;

interface Wish {
  readonly index: number;
  readonly context: LoadContext;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A place in a batch, for one of its misses. */
export interface Seat {
  /** The value, from the call of the loader that all who load share. */
  readonly load: (context: LoadContext) => unknown;
  /** Lets the others go on: this one does not load, or not yet. */
  readonly pass: () => void;
}

/** Holds the loader back until each miss has a lease to load or waits for another's load; late-comers load alone. */
export class Batch {
  readonly #backend: string;
  readonly #loader: BatchLoader;
  #undecided: number;
  #wishes: Wish[] = [];

  constructor(backend: string, misses: number, loader: BatchLoader) {
    this.#backend = backend;
    this.#undecided = misses;
    this.#loader = loader;
  }

  seat(index: number): Seat {
    let decided = false;
    const pass = (): void => {
      if (!decided) this.#undecided -= 1;
      decided = true;
      if (this.#undecided === 0) void this.#call();
    };
    const load = (context: LoadContext): Promise<unknown> =>
      new Promise((resolve, reject) => {
        this.#wishes.push({ index, context, resolve, reject });
        pass();
      });
    return { load, pass };
  }

  async #call(): Promise<void> {
    const wishes = this.#wishes;
    this.#wishes = [];
    if (wishes.length === 0) return;
    try {
      const values = await this.#loader(
        wishes.map(({ index }) => index),
        contextOf(wishes),
      );
      if (!Array.isArray(values) || values.length !== wishes.length) {
        const reason = `the loader returned no array of ${wishes.length} values, one for each key in their order`;
        throw new CacheError({ code: 'INVALID_VALUE', backend: this.#backend, operation: 'setValue', reason });
      }
      for (const [at, { resolve }] of wishes.entries()) resolve(values[at]);
    } catch (error) {
      for (const { reject } of wishes) reject(error);
    }
  }
}

function contextOf(wishes: readonly Wish[]): LoadContext {
  let signal: AbortSignal | undefined;
  return {
    get signal() {
      signal ??= allAborted(wishes.map(({ context }) => context.signal));
      return signal;
    },
  };
}

/** Aborts when nobody waits for any of the values. */
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
