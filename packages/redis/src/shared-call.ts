import type { CallState } from './sender.ts';

/**
 * Calls whose request is one: it ends with the last of them, and is sent for all. A class, because of an object literal with
 * a getter V8 makes a hidden class for each, which keeps what the getter sees until the next full collection.
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
