interface Stream {
  cork(): void;
  uncork(): void;
}

/** The requests of one tick share a write, except a first one that is likely to be alone: it leaves at once. */
export class Corking {
  readonly #stream: Stream;
  /** Whether requests came together lately: then the next ones probably do, too. */
  #crowded = false;
  /** Writes that the end of this tick sends together. */
  #shared = 0;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** Called before a write; `alone` if no other request waits or is in flight. */
  cork({ alone }: { readonly alone: boolean }): void {
    // Watching for the end of a tick takes a twentieth of a local round trip, so a caller that awaits each response is spared it.
    if (alone && !this.#crowded) return;
    this.#shared += 1;
    if (this.#shared > 1) return;
    this.#stream.cork();
    process.nextTick(() => {
      // One write in a tick ends a crowd. If there was none, this one overlapped with another.
      this.#crowded = this.#shared > 1 || !this.#crowded;
      this.#shared = 0;
      this.#stream.uncork();
    });
  }
}
