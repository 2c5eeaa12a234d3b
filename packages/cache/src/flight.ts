import { type Fence, holds, type SeenCounters } from './fence.ts';
import type { FlightResult } from './flight-result.ts';
import { orAborted } from './signals.ts';

/** The context that a loader receives. */
export interface LoadContext {
  /** Aborts when every caller that waits for the load has given up. */
  readonly signal: AbortSignal;
}

interface Target {
  readonly key: string;
  readonly tags: readonly string[];
}

/** A load in flight, or a wait for another process's load, with the callers that share it. */
export class Flight {
  readonly key: string;
  readonly tags: readonly string[];
  /** Settles for all callers, even if some have given up. */
  readonly result: Promise<FlightResult>;
  /** The result was read or loaded after this step of `Flights`. `Infinity` while that is still to come. */
  readStep: number = Number.POSITIVE_INFINITY;
  /** Resolves when the read in progress is over. */
  reading: Promise<unknown> | undefined;
  /** The fence of the value, once it is known. */
  fence: Fence | undefined;
  /** When its loader was called, by the cache's clock. */
  loadingSince: number | undefined;
  /** When it ended, by the cache's clock. */
  endedAt: number | undefined;
  /** This process has outdated it by a bump, or replaced it: its value would only displace a newer one. */
  outdated = false;
  #callers = 0;
  #abandoned: { readonly reason: unknown } | undefined;
  #controller: AbortController | undefined;

  constructor({ key, tags }: Target, run: (flight: Flight) => Promise<FlightResult>) {
    this.key = key;
    this.tags = tags;
    this.result = run(this);
    // Each caller gets a failure from `join`. If no caller is left, it must not be an unhandled rejection.
    this.result.catch(() => undefined);
  }

  /** The context for the loader, without the rest of the flight. The signal is created on first use. */
  get context(): LoadContext {
    const signalOf = (): AbortSignal => this.signal;
    return {
      get signal() {
        return signalOf();
      },
    };
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abandoned !== undefined) this.#controller.abort(this.#abandoned.reason);
    }
    return this.#controller.signal;
  }

  /** It loads, or has loaded, after the backend failed, and so cannot detect deletes by other processes. */
  get unfenced(): boolean {
    return this.loadingSince !== undefined && this.fence === undefined;
  }

  /** Every caller has given up. */
  get abandoned(): boolean {
    return this.#abandoned !== undefined;
  }

  /** Whether its result is fresh enough for a caller that began at `step` and read the counters `seen`, or none. */
  canServe(step: number, seen: SeenCounters | undefined): boolean {
    if (this.abandoned) return false;
    if (step < this.readStep) return true;
    if (this.endedAt !== undefined) return false;
    // A caller that read no counters knows only of deletes by this process, and those have removed the flight.
    return seen === undefined || (this.fence !== undefined && holds(this.fence, seen));
  }

  /** Waits for the result until `signal` aborts, which leaves the other callers alone. */
  join(signal: AbortSignal | undefined): Promise<FlightResult> {
    this.#callers += 1;
    return orAborted(this.result, signal, () => this.#leave(signal?.reason));
  }

  #leave(reason: unknown): void {
    this.#callers -= 1;
    if (this.#callers > 0) return;
    this.#abandoned = { reason };
    this.#controller?.abort(reason);
  }
}
