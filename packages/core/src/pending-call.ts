import type { Call } from './driver.ts';
import type { Lifecycle } from './lifecycle.ts';

/** The most a timer takes; a longer one would fire at once. */
export const MAX_TIMEOUT_MS = 2_147_483_647;

/** A call whose driver has not answered at once: it ends exactly once, by answer, deadline or close. */
export class PendingCall implements Call {
  readonly deadline: number;
  sent = true;
  /** Who knows of this call while it is in flight, and where in its list. */
  lifecycle: Lifecycle | undefined;
  place = 0;
  #ended = false;
  #controller: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #giveUp: ((code: 'TIMEOUT' | 'CLOSED') => void) | undefined;
  readonly #timeoutMs: number | undefined;

  constructor(timeoutMs: number | undefined) {
    this.#timeoutMs = timeoutMs;
    this.deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#ended) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** Starts the clock; `giveUp` is told at most once, and never after `end`. */
  watch(giveUp: (code: 'TIMEOUT' | 'CLOSED') => void): void {
    this.#giveUp = giveUp;
    if (this.#timeoutMs === undefined) return;
    // After a stall of the event loop, timers fire before sockets are read: one more turn lets a received answer win.
    this.#timer = setTimeout(() => {
      this.#timer = setTimeout(() => this.abandon('TIMEOUT'), 0);
    }, this.#timeoutMs);
  }

  /** True for the one who ends the call. */
  end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    // Worth asking: a call of an in-process backend has no timer, and little else to do.
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    return true;
  }

  /** Ends the call without its driver. */
  abandon(code: 'TIMEOUT' | 'CLOSED'): void {
    if (!this.end()) return;
    this.#giveUp?.(code);
    this.#controller?.abort();
  }
}
