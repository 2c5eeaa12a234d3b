/** The parts of a socket that are watched. */
interface Socket {
  readonly bytesRead: number;
  readonly destroyed: boolean;
}

interface Listener {
  /** The socket owes replies, and has received no byte for `limitMs`. */
  readonly onSilent: () => unknown;
  /** Bytes arrive, but a reply is late by `limitMs`. */
  readonly onLate: () => unknown;
}

/** Milliseconds between two checks. */
const CHECK_MS = 250;

/**
 * Reports that a socket owes replies that do not come, and again for as long as that goes on. ioredis's own `socketTimeout`
 * ends a silent socket, with a timer and a listener for each command.
 */
export class ReplyWatchdog {
  readonly #socket: Socket;
  readonly #limitMs: number;
  readonly #listener: Listener;
  #sent = 0;
  #answered = 0;
  /** Since when the socket has owed replies without a break, on the clock of `performance.now()`. */
  #owedSince = 0;
  /** The last check that found new bytes, and the socket's `bytesRead` then. */
  #received = { at: 0, bytes: 0 };
  /** A check, and the commands sent by then. All of them must be answered `limitMs` later. */
  #checkpoint = { at: 0, sent: 0 };
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: Socket, limitMs: number, listener: Listener) {
    this.#socket = socket;
    this.#limitMs = limitMs;
    this.#listener = listener;
  }

  sent(): void {
    const isFirst = this.#sent === this.#answered;
    if (isFirst) this.#owedSince = performance.now();
    this.#sent += 1;
    if (this.#timer !== undefined) return;
    this.#received = { at: this.#owedSince, bytes: this.#socket.bytesRead };
    this.#checkpoint = { at: this.#owedSince, sent: this.#sent };
    this.#schedule();
  }

  answered(): void {
    this.#answered += 1;
  }

  #schedule(): void {
    // After a stall of the event loop, timers run before the bytes that arrived meanwhile are read. Reading gets one turn
    // first, and then the calls whose deadlines have passed get theirs. A stall may also begin in between: it does not count.
    const check = () => {
      const now = performance.now();
      setImmediate(() => setTimeout(() => this.#check(now), 0));
    };
    this.#timer = setTimeout(check, Math.min(CHECK_MS, this.#limitMs));
    this.#timer.unref();
  }

  #check(now: number): void {
    this.#timer = undefined;
    // The replies that a closed socket owes never come, and the client may use another socket by now.
    if (this.#sent === this.#answered || this.#socket.destroyed) return;
    const bytes = this.#socket.bytesRead;
    if (bytes !== this.#received.bytes) this.#received = { at: performance.now(), bytes };
    const isSilent = now - Math.max(this.#received.at, this.#owedSince) >= this.#limitMs;
    const isDue = now - this.#checkpoint.at >= this.#limitMs;
    const isLate = isDue && this.#answered < this.#checkpoint.sent;
    if (isDue) this.#checkpoint = { at: performance.now(), sent: this.#sent };
    this.#schedule();
    if (isSilent) this.#listener.onSilent();
    else if (isLate) this.#listener.onLate();
  }
}
