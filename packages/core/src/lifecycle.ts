import type { PendingCall } from './pending-call.ts';

/** Milliseconds that `close` waits for calls in flight. */
const DRAIN_MS = 1000;
/** Milliseconds that `close` waits for the driver's `close`. */
const DRIVER_MS = 350;

/** Tracks the calls in flight and closes the backend. A scoped backend has its own, a child of its parent's. */
export class Lifecycle {
  readonly #parent: Lifecycle | undefined;
  readonly #closeDriver: () => unknown;
  /**
   * The calls in flight of all scopes; each call knows its index here. Not a `Set`: when a set of V8 outgrows its
   * table, the old table links to the new one. Once promoted, an old table keeps the calls alive through minor
   * collections.
   */
  readonly #calls: PendingCall[];
  #pending = 0;
  #closing: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  constructor(closeDriver: () => unknown, parent?: Lifecycle) {
    this.#closeDriver = closeDriver;
    this.#parent = parent;
    this.#calls = parent === undefined ? [] : parent.#calls;
  }

  get closed(): boolean {
    return this.#closing !== undefined || this.#parent?.closed === true;
  }

  /** Tracks a call until it ends. */
  add(call: PendingCall): void {
    call.lifecycle = this;
    call.index = this.#calls.push(call) - 1;
    for (let scope: Lifecycle | undefined = this; scope !== undefined; scope = scope.#parent) scope.#pending += 1;
  }

  /** Called by the call itself when it ends. */
  remove(call: PendingCall): void {
    // The last call, which may be this one, moves to its index.
    const last = this.#calls.at(-1) as PendingCall;
    this.#calls[call.index] = last;
    last.index = call.index;
    this.#calls.pop();
    for (let scope: Lifecycle | undefined = this; scope !== undefined; scope = scope.#parent) {
      scope.#pending -= 1;
      if (scope.#pending === 0) scope.#drained?.();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    if (this.#pending > 0) {
      await within(
        DRAIN_MS,
        new Promise<void>((resolve) => {
          this.#drained = resolve;
        }),
      );
      for (const call of this.#calls.filter((each) => this.#owns(each))) call.abandon('CLOSED');
    }
    // Only once `close` has set `#closing`: what closes in the driver may call back.
    await undefined;
    await within(DRIVER_MS, this.#closeDriver());
  }

  /** Whether the call was made on this scope or one below it. */
  #owns({ lifecycle }: PendingCall): boolean {
    let scope = lifecycle;
    while (scope !== undefined && scope !== this) scope = scope.#parent;
    return scope === this;
  }
}

/** Waits for the work, but no longer than so many milliseconds. The work itself is not cancelled. */
async function within(milliseconds: number, work: unknown): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
