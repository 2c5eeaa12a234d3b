import type { Call } from '@ninefold/core';
import { sendBatch } from './batch.ts';
import { DeleteCommand, GetCommand, IncrCommand, SetCommand } from './commands.ts';
import type { Channel } from './request.ts';
import type { CounterAnswer, CounterChange, MemcachedTransport } from './transport.ts';

/** The binary protocol. A batch is one write per server: quiet frames, and a NOOP whose response ends the batch. */
export class BinaryTransport implements MemcachedTransport {
  readonly #channelFor: (key: string) => Channel;
  readonly #close: () => void;

  /** `channelFor` may throw a `DriverError` that names the key if no server is available. */
  constructor(channelFor: (key: string) => Channel, close: () => void) {
    this.#channelFor = channelFor;
    this.#close = close;
  }

  async getMany(keys: readonly string[], call: Call): Promise<readonly (string | undefined)[]> {
    call.sent = false;
    const command = new GetCommand(keys, call);
    await sendBatch(this.#channelFor, command);
    return command.values;
  }

  async setMany(entries: readonly (readonly [string, string])[], expires: number, call: Call): Promise<void> {
    call.sent = false;
    await sendBatch(this.#channelFor, new SetCommand(entries, expires, call));
  }

  async deleteMany(keys: readonly string[], call: Call): Promise<number> {
    call.sent = false;
    const command = new DeleteCommand(keys, call);
    await sendBatch(this.#channelFor, command);
    return keys.length - command.missing;
  }

  async incr(change: CounterChange, call: Call): Promise<CounterAnswer> {
    // A change with a CAS is the second request of its call: the first has been sent.
    if (change.cas === undefined) call.sent = false;
    const command = new IncrCommand(change, call);
    await sendBatch(this.#channelFor, command);
    return command.answer as CounterAnswer;
  }

  close(): void {
    this.#close();
  }
}
