import type { CallState } from './sender.ts';

/**
 * The state of a request that several calls share: it has ended once all of them have, and marks all of them as sent. It is
 * a class because V8 makes a hidden class for each object literal with a getter, which retains the closure until a full GC.
 */
export class SharedCall implements CallState {
  readonly #calls: readonly CallState[];

  constructor(calls: readonly CallState[]) {
    this.#calls = calls;
  }

  get ended(): boolean {
    return this.#calls.every(({ ended }) => ended);
  }

  get sent(): boolean {
    return this.#calls.some(({ sent }) => sent);
  }

  set sent(sent: boolean) {
    for (const call of this.#calls) call.sent = sent;
  }
}
