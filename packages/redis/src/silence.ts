/** What is watched of a socket, and done to it. */
interface Socket {
  readonly bytesRead: number;
  destroy(error: Error): unknown;
}

/** Milliseconds between two looks. */
const LOOK_MS = 250;

/**
 * Gives one socket up that owes answers and has brought no byte for a while, and tells where it brings some, but an answer
 * is late by as much. The client's own `socketTimeout` does the first with a timer and a listener for each command.
 */
export class Silence {
  readonly #socket: Socket;
  readonly #patienceMs: number;
  readonly #late: () => void;
  #sent = 0;
  #answered = 0;
  /** When the answers began to be owed that are: on the clock of `performance.now()`. */
  #owedSince = 0;
  /** The last look that found new bytes, and how many there were. */
  #heard = { at: 0, bytes: 0 };
  /** A look, and how many commands had been sent by then: all are to be answered before the next such look. */
  #mark = { at: 0, sent: 0 };
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: Socket, patienceMs: number, late: () => void) {
    this.#socket = socket;
    this.#patienceMs = patienceMs;
    this.#late = late;
  }

  sent(): void {
    const isFirst = this.#sent === this.#answered;
    if (isFirst) this.#owedSince = performance.now();
    this.#sent += 1;
    if (this.#timer !== undefined) return;
    this.#heard = { at: this.#owedSince, bytes: this.#socket.bytesRead };
    this.#mark = { at: this.#owedSince, sent: this.#sent };
    this.#watch();
  }

  answered(): void {
    this.#answered += 1;
  }

  #watch(): void {
    // Where the event loop stood still, timers come before what was received meanwhile: that has one turn first, and then the
    // calls whose deadlines have passed have theirs.
    const look = () => setImmediate(() => setTimeout(() => this.#look(), 0));
    this.#timer = setTimeout(look, Math.min(LOOK_MS, this.#patienceMs));
    this.#timer.unref();
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#sent === this.#answered) return;
    const now = performance.now();
    const bytes = this.#socket.bytesRead;
    if (bytes !== this.#heard.bytes) this.#heard = { at: now, bytes };
    if (now - Math.max(this.#heard.at, this.#owedSince) >= this.#patienceMs) {
      this.#socket.destroy(new Error('the server fell silent'));
      return;
    }
    if (now - this.#mark.at >= this.#patienceMs) {
      const isLate = this.#answered < this.#mark.sent;
      this.#mark = { at: now, sent: this.#sent };
      if (isLate) this.#late();
    }
    this.#watch();
  }
}
