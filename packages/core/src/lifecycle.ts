import type { PendingCall } from './pending-call.ts';

/** Milliseconds that `close` waits for what is in flight. */
const DRAIN_MS = 1000;
/** Milliseconds that the driver's own `close` may take before it is left to itself. */
const DRIVER_MS = 350;

/** Which calls are in flight, and whether there may be more. A scoped backend has one of its own under its parent's. */
export class Lifecycle {
  readonly #parent: Lifecycle | undefined;
  readonly #closeDriver: () => unknown;
  readonly #calls = new Set<PendingCall>();
  #closing: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  constructor(closeDriver: () => unknown, parent?: Lifecycle) {
    this.#closeDriver = closeDriver;
    this.#parent = parent;
  }

  get closed(): boolean {
    return this.#closing !== undefined || this.#parent?.closed === true;
  }

  add(call: PendingCall): void {
    this.#calls.add(call);
    this.#parent?.add(call);
  }

  remove(call: PendingCall): void {
    this.#calls.delete(call);
    this.#parent?.remove(call);
    if (this.#calls.size === 0) this.#drained?.();
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    if (this.#calls.size > 0) {
      await within(
        DRAIN_MS,
        new Promise<void>((resolve) => {
          this.#drained = resolve;
        }),
      );
      for (const call of [...this.#calls]) call.abandon('closed');
    }
    await within(DRIVER_MS, Promise.resolve(this.#closeDriver()));
  }
}

/** Waits for the work, but not longer; what it does later is its own affair. */
function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    work.then(
      () => {
        clearTimeout(timer);
        resolve();
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
