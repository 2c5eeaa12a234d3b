/** What is watched of a socket, and done to it. */
interface Socket {
  readonly bytesRead: number;
  destroy(error: Error): unknown;
}

/** Milliseconds between two looks. */
const CHECK_MS = 250;

/**
 * Gives one socket up that owes answers and has brought no byte for a while, and tells where it brings some, but an answer
 * is late by as much. The client's own `socketTimeout` does the first with a timer and a listener for each command.
 */
export class ReplyWatchdog {
  readonly #socket: Socket;
  readonly #limitMs: number;
  readonly #onLate: () => void;
  #sent = 0;
  #answered = 0;
  /** When the answers began to be owed that are: on the clock of `performance.now()`. */
  #owedSince = 0;
  /** The last look that found new bytes, and how many there were. */
  #received = { at: 0, bytes: 0 };
  /** A look, and how many commands had been sent by then: all are to be answered before the next such look. */
  #checkpoint = { at: 0, sent: 0 };
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: Socket, limitMs: number, onLate: () => void) {
    this.#socket = socket;
    this.#limitMs = limitMs;
    this.#onLate = onLate;
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
    // Where the event loop stood still, timers come before what was received meanwhile: that has one turn first, and then the
    // calls whose deadlines have passed have theirs.
    const check = () => setImmediate(() => setTimeout(() => this.#check(), 0));
    this.#timer = setTimeout(check, Math.min(CHECK_MS, this.#limitMs));
    this.#timer.unref();
  }

  #check(): void {
    this.#timer = undefined;
    if (this.#sent === this.#answered) return;
    const now = performance.now();
    const bytes = this.#socket.bytesRead;
    if (bytes !== this.#received.bytes) this.#received = { at: now, bytes };
    if (now - Math.max(this.#received.at, this.#owedSince) >= this.#limitMs) {
      this.#socket.destroy(new Error('the server fell silent'));
      return;
    }
    if (now - this.#checkpoint.at >= this.#limitMs) {
      const isLate = this.#answered < this.#checkpoint.sent;
      this.#checkpoint = { at: now, sent: this.#sent };
      if (isLate) this.#onLate();
    }
    this.#schedule();
  }
}
