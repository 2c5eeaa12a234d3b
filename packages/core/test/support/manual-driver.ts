import type { Call } from '@ninefold/core';
import { MapDriver } from './map-driver.ts';

/** A call that the test settles. */
export interface Asked {
  readonly call: Call;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** A driver whose results are given by the test. */
export class ManualDriver extends MapDriver {
  readonly asked: Asked[] = [];
  /** Sets `sent` to `false`, as a driver that queues requests does. */
  holdsBack = false;

  override get(_key: string, call?: Call): never {
    return this.#ask(call);
  }

  override setMany(_entries: unknown, ...[, call]: unknown[]): never {
    return this.#ask(call as Call);
  }

  override incr(_key: string, _delta: number, ...[, call]: unknown[]): never {
    return this.#ask(call as Call);
  }

  #ask(call: Call | undefined): never {
    if (call === undefined) throw new Error('a driver is always given its call');
    if (this.holdsBack) call.sent = false;
    return new Promise((resolve, reject) => {
      this.asked.push({ call, resolve, reject });
    }) as never;
  }
}
