import type { Call } from './driver.ts';
import type { Lifecycle } from './lifecycle.ts';

/** The longest delay of a timer; a longer one would fire immediately. */
export const MAX_TIMEOUT_MS = 2_147_483_647;

/** A call of a driver. It ends exactly once: by the driver's result, by its deadline or by `close`. */
export class PendingCall implements Call {
  readonly deadline: number;
  sent = true;
  ended = false;
  /** The lifecycle that tracks this call while it is in flight, and the index in its list. */
  lifecycle: Lifecycle | undefined;
  index = 0;
  #controller: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #onAbandon: ((code: 'TIMEOUT' | 'CLOSED') => void) | undefined;
  readonly #timeoutMs: number | undefined;

  constructor(timeoutMs: number | undefined) {
    this.#timeoutMs = timeoutMs;
    this.deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.ended) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** Starts the timer. `onAbandon` is called at most once, and never after `end`. */
  watch(onAbandon: (code: 'TIMEOUT' | 'CLOSED') => void): void {
    this.#onAbandon = onAbandon;
    if (this.#timeoutMs === undefined) return;
    // After a stall of the event loop, timers fire before sockets are read. One more turn lets a received reply win.
    this.#timer = setTimeout(() => {
      this.#timer = setTimeout(() => this.abandon('TIMEOUT'), 0);
    }, this.#timeoutMs);
  }

  /** Ends the call. `false` if it has already ended. */
  end(): boolean {
    if (this.ended) return false;
    this.ended = true;
    this.lifecycle?.remove(this);
    // The check pays: a call of an in-process backend has no timer and does little else.
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    return true;
  }

  /** Ends the call before the driver has a result, and aborts its signal. */
  abandon(code: 'TIMEOUT' | 'CLOSED'): void {
    if (!this.end()) return;
    this.#onAbandon?.(code);
    this.#controller?.abort();
  }
}
