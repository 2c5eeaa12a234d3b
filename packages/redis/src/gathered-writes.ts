interface Stream {
  write(text: string): unknown;
}

/** Arguments from which a command is written at once. */
const LONG_COMMAND = 48;
/**
 * Commands, or UTF-16 units, that are written before the tick ends: the server works on them while the next ones are gathered.
 */
const MAX_GATHERED = { commands: 32, units: 32 * 1024 };

/** Auto-pipelining: the commands of one tick share writes, except a first one that is likely to be alone: it leaves at once. */
export class GatheredWrites {
  readonly #stream: Stream;
  /** Commands that are not answered yet. */
  #inFlight = 0;
  /** Whether commands came together lately: then the next ones probably do, too. */
  #crowded = false;
  /** Commands of this tick that share writes. */
  #shared = 0;
  /** The text of those among them that are not written yet. */
  #gathered = '';

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** Writes a command with `args` arguments, or gathers it. */
  write(command: string, args: number): void {
    this.#inFlight += 1;
    // Texts are not gathered that might be too long together.
    if (args >= LONG_COMMAND || command.length >= MAX_GATHERED.units) {
      this.#flush();
      this.#stream.write(command);
      return;
    }
    // Watching for the end of a tick takes a fiftieth of a local round trip, so a caller that awaits each reply is spared it.
    if (this.#inFlight === 1 && !this.#crowded) {
      this.#stream.write(command);
      return;
    }
    this.#shared += 1;
    if (this.#shared === 1) process.nextTick(this.#endTick);
    this.#gathered += command;
    if (this.#shared % MAX_GATHERED.commands === 0 || this.#gathered.length >= MAX_GATHERED.units) this.#flush();
  }

  /** Called when a command is answered. */
  answered(): void {
    this.#inFlight -= 1;
  }

  readonly #endTick = (): void => {
    // One command in a tick ends a crowd. If there was none, this one overlapped with another.
    this.#crowded = this.#shared > 1 || !this.#crowded;
    this.#shared = 0;
    this.#flush();
  };

  #flush(): void {
    const gathered = this.#gathered;
    if (gathered === '') return;
    this.#gathered = '';
    this.#stream.write(gathered);
  }
}
