interface Stream {
  cork(): void;
  uncork(): void;
}

/** Arguments of a command that leaves at once: the server works on it while the next one is written. */
const LONG_COMMAND = 48;

/** Lets what is sent in one tick leave in one write, but for a first command that is likely to be alone: it leaves at once. */
export class Corking {
  /** Commands of this tick. */
  #sent = 0;
  /** Whether the last tick with commands had several: the next is likely to have several too. */
  #crowded = false;
  #corked: Stream | undefined;

  /** Before each command, of so many arguments. */
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
