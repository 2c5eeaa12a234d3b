import { type Fence, holds, type SeenCounters } from './fence.ts';
import type { FlightResult } from './flight-result.ts';
import { orAborted } from './signals.ts';

/** What a loader is told. */
export interface LoadContext {
  /** Aborts when every caller that waits for the load has given up. */
  readonly signal: AbortSignal;
}

interface Target {
  readonly key: string;
  readonly tags: readonly string[];
}

/** A load under way, or a wait for another process's, with the callers that share it. */
export class Flight {
  readonly key: string;
  readonly tags: readonly string[];
  /** Resolves for all callers, whoever of them gave up. */
  readonly result: Promise<FlightResult>;
  /** By the steps of `Flights`: all that it brings was found or made after this one, or is yet to be. */
  readStep: number = Number.POSITIVE_INFINITY;
  /** What the value depends on, once that is known. */
  fence: Fence | undefined;
  /** When its loader was called, by the cache's clock. */
  loadingSince: number | undefined;
  /** When it landed, by the cache's clock. */
  endedAt: number | undefined;
  /** Something that it depends on was bumped by this process: what it loads would only displace what is newer. */
  outdated = false;
  #callers = 0;
  #abandoned: { readonly reason: unknown } | undefined;
  #controller: AbortController | undefined;

  constructor({ key, tags }: Target, run: (flight: Flight) => Promise<FlightResult>) {
    this.key = key;
    this.tags = tags;
    this.result = run(this);
    // Each caller hears of a failure by itself; there may be none left.
    this.result.catch(() => undefined);
  }

  /** What the loader is told, and no more. */
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

  /** It loads, or has loaded, where the backend failed it, and cannot know what was deleted meanwhile. */
  get unfenced(): boolean {
    return this.loadingSince !== undefined && this.fence === undefined;
  }

  /** Every caller has given up. */
  get abandoned(): boolean {
    return this.#abandoned !== undefined;
  }

  /** Whether what it brings is right for a caller that began at `step` and saw `seen`; `undefined`: saw nothing. */
  canServe(step: number, seen: SeenCounters | undefined): boolean {
    if (this.abandoned) return false;
    if (step < this.readStep) return true;
    if (this.endedAt !== undefined) return false;
    // Who saw nothing knows of no delete but this process's own, after which no flight is joined.
    return seen === undefined || (this.fence !== undefined && holds(this.fence, seen));
  }

  /** Waits for the landing until `signal` aborts, which leaves the other callers alone. */
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
