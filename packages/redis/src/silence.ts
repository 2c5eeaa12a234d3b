/** What is watched of a socket, and done to it. */
interface Socket {
  readonly bytesRead: number;
  destroy(error: Error): unknown;
}

/** Milliseconds between two looks. */
const LOOK_MS = 250;

/**
 * Gives one socket up that owes answers and has brought no byte for a while. The client's own `socketTimeout` does the same
 * with a timer and a listener for each command.
 */
export class Silence {
  readonly #socket: Socket;
  readonly #patienceMs: number;
  #awaited = 0;
  /** When the answers began to be owed that are: on the clock of `performance.now()`. */
  #owedSince = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: Socket, patienceMs: number) {
    this.#socket = socket;
    this.#patienceMs = patienceMs;
  }

  sent(): void {
    if (this.#awaited === 0) this.#owedSince = performance.now();
    this.#awaited += 1;
    if (this.#timer === undefined) this.#look(performance.now(), this.#socket.bytesRead);
  }

  answered(): void {
    this.#awaited -= 1;
  }

  #look(since: number, bytesRead: number): void {
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        if (this.#awaited === 0) return;
        const now = performance.now();
        const socket = this.#socket;
        if (socket.bytesRead !== bytesRead) this.#look(now, socket.bytesRead);
        else if (now - Math.max(since, this.#owedSince) < this.#patienceMs) this.#look(since, bytesRead);
        else this.#end(bytesRead);
      },
      Math.min(LOOK_MS, this.#patienceMs),
    );
    this.#timer.unref();
  }

  /** Where the event loop stood still, timers come before what was received meanwhile: that has one turn first. */
  #end(bytesRead: number): void {
    setImmediate(() => {
      if (this.#socket.bytesRead === bytesRead) this.#socket.destroy(new Error('the server fell silent'));
      else if (this.#awaited > 0 && this.#timer === undefined) this.#look(performance.now(), this.#socket.bytesRead);
    });
  }
}
