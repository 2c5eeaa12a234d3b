import type { PendingCall } from './pending-call.ts';

/** Milliseconds that `close` waits for what is in flight. */
const DRAIN_MS = 1000;
/** Milliseconds that the driver's own `close` may take before it is left to itself. */
const DRIVER_MS = 350;

/** Which calls are in flight, and whether there may be more. A scoped backend has one of its own under its parent's. */
export class Lifecycle {
  readonly #parent: Lifecycle | undefined;
  readonly #closeDriver: () => unknown;
  /**
   * Those in flight of all scopes, each at the place that it knows. No `Set`: V8 chains the tables that a set outgrows to
   * their successors, calls and all, and a table that has become old keeps them from every quick collection.
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

  add(call: PendingCall): void {
    call.lifecycle = this;
    call.place = this.#calls.push(call) - 1;
    for (let each: Lifecycle | undefined = this; each !== undefined; each = each.#parent) each.#pending += 1;
  }

  /** Once for each `add`. */
  remove(call: PendingCall): void {
    // The last, which may be the call itself, takes its place.
    const last = this.#calls.at(-1) as PendingCall;
    this.#calls[call.place] = last;
    last.place = call.place;
    this.#calls.pop();
    for (let each: Lifecycle | undefined = this; each !== undefined; each = each.#parent) {
      each.#pending -= 1;
      if (each.#pending === 0) each.#drained?.();
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
      for (const call of this.#calls.filter((each) => this.#holds(each))) call.abandon('CLOSED');
    }
    await within(DRIVER_MS, this.#closeDriver());
  }

  #holds({ lifecycle }: PendingCall): boolean {
    let each = lifecycle;
    while (each !== undefined && each !== this) each = each.#parent;
    return each === this;
  }
}

/** Waits for the work, but not longer; what it does later is its own affair. */
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
