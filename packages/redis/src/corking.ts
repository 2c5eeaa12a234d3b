interface Stream {
  cork(): void;
  uncork(): void;
}

/** Arguments from which a command is written at once: the server works on it while the next one is written. */
const LONG_COMMAND = 48;

/** Auto-pipelining: the commands of one tick share a write, except a first one that is likely to be alone: it leaves at once. */
export class Corking {
  /** Number of commands in this tick. */
  #sent = 0;
  /** Whether the last tick with commands had several: then the next one probably has, too. */
  #crowded = false;
  #corked: Stream | undefined;

  /** Called before a command with `length` arguments is written to the stream. */
  cork(stream: Stream, length: number): void {
    if (length >= LONG_COMMAND) {
      this.#uncork();
      return;
    }
    this.#sent += 1;
    if (this.#sent === 1) process.nextTick(this.#endTick);
    if (this.#corked !== undefined || (this.#sent === 1 && !this.#crowded)) return;
    this.#corked = stream;
    stream.cork();
  }

  readonly #endTick = (): void => {
    this.#crowded = this.#sent > 1;
    this.#sent = 0;
    this.#uncork();
  };

  #uncork(): void {
    this.#corked?.uncork();
    this.#corked = undefined;
  }
}
