import type { Call } from '@ninefold/core';
import { sendBatch } from './batch.ts';
import type { Lane } from './request.ts';
import type { CounterAnswer, CounterChange, MemcachedTransport } from './transport.ts';
import { Change, Deletes, Gets, Sets } from './works.ts';

/** The binary protocol: a batch is one write to each server, quiet frames and a NOOP, whose answer ends it. */
export class BinaryTransport implements MemcachedTransport {
  readonly #laneOf: (key: string) => Lane;
  readonly #close: () => void;

  /** `laneOf` may throw a `DriverError` where there is no server to ask. */
  constructor(laneOf: (key: string) => Lane, close: () => void) {
    this.#laneOf = laneOf;
    this.#close = close;
  }

  async getMany(keys: readonly string[], call: Call): Promise<readonly (string | undefined)[]> {
    call.sent = false;
    const gets = new Gets(keys, call);
    await sendBatch(this.#laneOf, gets);
    return gets.values;
  }

  async setMany(entries: readonly (readonly [string, string])[], expires: number, call: Call): Promise<void> {
    call.sent = false;
    await sendBatch(this.#laneOf, new Sets(entries, expires, call));
  }

  async deleteMany(keys: readonly string[], call: Call): Promise<number> {
    call.sent = false;
    const deletes = new Deletes(keys, call);
    await sendBatch(this.#laneOf, deletes);
    return keys.length - deletes.missing;
  }

  async incr(change: CounterChange, call: Call): Promise<CounterAnswer> {
    // One that carries a CAS follows upon another.
    if (change.cas === undefined) call.sent = false;
    const work = new Change(change, call);
    await sendBatch(this.#laneOf, work);
    return work.answer as CounterAnswer;
  }

  close(): void {
    this.#close();
  }
}
