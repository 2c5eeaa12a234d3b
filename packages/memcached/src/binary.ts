import { type Call, DriverError } from '@ninefold/core';
import { sendBatch } from './batch.ts';
import { refusal } from './failures.ts';
import { counterExtras, DO_NOT_CREATE, Opcode, Status, setExtras } from './protocol.ts';
import type { Lane } from './request.ts';
import type { CounterAnswer, CounterChange, MemcachedTransport } from './transport.ts';

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
    const values: (string | undefined)[] = new Array(keys.length).fill(undefined);
    await sendBatch(this.#laneOf, {
      call,
      keys,
      frame: (index, quiet) => ({ opcode: quiet ? Opcode.getq : Opcode.get, key: keys[index] }),
      take: (index, { status, bytes, from, to }) => {
        if (status === Status.ok) values[index] = bytes.toString('utf8', from, to);
        return status === Status.ok || status === Status.notFound ? undefined : refusal(status);
      },
    });
    return values;
  }

  async setMany(entries: readonly (readonly [string, string])[], expires: number, call: Call): Promise<void> {
    call.sent = false;
    const extras = setExtras(expires);
    await sendBatch(this.#laneOf, {
      call,
      keys: entries.map(([key]) => key),
      valueBytes: (index) => Buffer.byteLength(entries[index]?.[1] ?? ''),
      frame: (index, quiet) => {
        const [key, value] = entries[index] as readonly [string, string];
        return { opcode: quiet ? Opcode.setq : Opcode.set, key, extras, value };
      },
      take: (_index, { status }) => (status === Status.ok ? undefined : refusal(status)),
    });
  }

  async deleteMany(keys: readonly string[], call: Call): Promise<number> {
    call.sent = false;
    let missing = 0;
    await sendBatch(this.#laneOf, {
      call,
      keys,
      frame: (index, quiet) => ({ opcode: quiet ? Opcode.deleteq : Opcode.delete, key: keys[index] }),
      take: (_index, { status }) => {
        if (status === Status.notFound) missing += 1;
        return status === Status.ok || status === Status.notFound ? undefined : refusal(status);
      },
    });
    return keys.length - missing;
  }

  async incr({ key, delta, create, cas }: CounterChange, call: Call): Promise<CounterAnswer> {
    // One that carries a CAS follows upon another.
    if (cas === undefined) call.sent = false;
    const amount = delta < 0n ? -delta : delta;
    const extras = counterExtras(amount, create?.value ?? 0n, create?.expires ?? DO_NOT_CREATE);
    let answer: CounterAnswer | undefined;
    await sendBatch(this.#laneOf, {
      call,
      keys: [key],
      frame: () => ({ opcode: delta < 0n ? Opcode.decr : Opcode.incr, key, extras, cas }),
      take: (_index, { status, bytes, casAt, from, to }) => {
        const outcome = OUTCOMES[status];
        if (outcome !== undefined) answer = { outcome };
        else if (status !== Status.ok) return refusal(status);
        else if (to - from !== 8) return new DriverError('BACKEND', 'the server answered what is no counter');
        else answer = { outcome: 'done', value: bytes.readBigUInt64BE(from), cas: bytes.readBigUInt64BE(casAt) };
        return undefined;
      },
    });
    return answer as CounterAnswer;
  }

  close(): void {
    this.#close();
  }
}

const OUTCOMES: Readonly<Record<number, Exclude<CounterAnswer['outcome'], 'done'>>> = {
  [Status.notFound]: 'missing',
  [Status.exists]: 'changed',
  [Status.notStored]: 'raced',
  [Status.notNumeric]: 'not a number',
};
