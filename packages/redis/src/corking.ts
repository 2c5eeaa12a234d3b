interface Stream {
  cork(): void;
  uncork(): void;
}

/** Arguments from which a command is written at once: the server works on it while the next one is written. */
const LONG_COMMAND = 48;

/** Auto-pipelining: the commands of one tick share a write, except a first one that is likely to be alone: it leaves at once. */
export class Corking {
  /** Commands that are not answered yet. */
  #inFlight = 0;
  /** Whether commands came together lately: then the next ones probably do, too. */
  #crowded = false;
  /** Commands of this tick that share its write. */
  #shared = 0;
  #corked: Stream | undefined;

  /** Called before a command with `length` arguments is written to the stream. */
  cork(stream: Stream, length: number): void {
    this.#inFlight += 1;
    if (length >= LONG_COMMAND) {
      this.#uncork();
      return;
    }
    // Watching for the end of a tick takes a fiftieth of a local round trip, so a caller that awaits each reply is spared it.
    if (this.#inFlight === 1 && !this.#crowded) return;
    this.#shared += 1;
    if (this.#shared === 1) process.nextTick(this.#endTick);
    if (this.#corked !== undefined) return;
    this.#corked = stream;
    stream.cork();
  }

  /** Called when a command is answered or has failed. */
  answered(): void {
    this.#inFlight -= 1;
  }

  readonly #endTick = (): void => {
    // One command in a tick ends a crowd. If there was none, this one overlapped with another.
    this.#crowded = this.#shared > 1 || !this.#crowded;
    this.#shared = 0;
    this.#uncork();
  };

  #uncork(): void {
    this.#corked?.uncork();
    this.#corked = undefined;
  }
}
