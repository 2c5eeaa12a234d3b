import { type Call, DriverError } from '@ninefold/core';
import type { Command } from './batch.ts';
import { refusedRequest } from './failures.ts';
import {
  counterExtras,
  DO_NOT_CREATE,
  Opcode,
  type RequestFrame,
  type ResponseFrame,
  Status,
  setExtras,
} from './protocol.ts';
import type { CounterAnswer, CounterChange } from './transport.ts';

// Classes instead of closures, for speed: most calls of a cache have one key.

/** Reads keys into `values`. */
export class GetCommand implements Command {
  readonly call: Call;
  readonly keys: readonly string[];
  readonly values: (string | undefined)[];

  constructor(keys: readonly string[], call: Call) {
    this.call = call;
    this.keys = keys;
    this.values = new Array(keys.length).fill(undefined);
  }

  frame(index: number, quiet: boolean): RequestFrame {
    return { opcode: quiet ? Opcode.getq : Opcode.get, key: this.keys[index] };
  }

  receive(index: number, { status, bytes, from, to }: ResponseFrame): DriverError | undefined {
    if (status === Status.ok) this.values[index] = bytes.toString('utf8', from, to);
    return status === Status.ok || status === Status.notFound ? undefined : refusedRequest(status);
  }
}

/** Stores entries. */
export class SetCommand implements Command {
  readonly call: Call;
  readonly keys: readonly string[];
  readonly #entries: readonly (readonly [key: string, value: string])[];
  readonly #extras: Buffer;

  constructor(entries: readonly (readonly [key: string, value: string])[], expires: number, call: Call) {
    this.call = call;
    this.keys = entries.map(([key]) => key);
    this.#entries = entries;
    this.#extras = setExtras(expires);
  }

  valueBytes(index: number): number {
    return Buffer.byteLength(this.#entries[index]?.[1] ?? '');
  }

  frame(index: number, quiet: boolean): RequestFrame {
    const [key, value] = this.#entries[index] as readonly [string, string];
    return { opcode: quiet ? Opcode.setq : Opcode.set, key, extras: this.#extras, value };
  }

  receive(_index: number, { status }: ResponseFrame): DriverError | undefined {
    return status === Status.ok ? undefined : refusedRequest(status);
  }
}

/** Deletes keys, and counts the `missing` ones. */
export class DeleteCommand implements Command {
  readonly call: Call;
  readonly keys: readonly string[];
  missing = 0;

  constructor(keys: readonly string[], call: Call) {
    this.call = call;
    this.keys = keys;
  }

  frame(index: number, quiet: boolean): RequestFrame {
    return { opcode: quiet ? Opcode.deleteq : Opcode.delete, key: this.keys[index] };
  }

  receive(_index: number, { status }: ResponseFrame): DriverError | undefined {
    if (status === Status.notFound) this.missing += 1;
    return status === Status.ok || status === Status.notFound ? undefined : refusedRequest(status);
  }
}

const OUTCOMES: Readonly<Record<number, Exclude<CounterAnswer['outcome'], 'done'>>> = {
  [Status.notFound]: 'missing',
  [Status.exists]: 'changed',
  [Status.notStored]: 'raced',
  [Status.notNumeric]: 'not a number',
};

/** Changes a counter, by INCR or DECR. */
export class IncrCommand implements Command {
  readonly call: Call;
  readonly keys: readonly string[];
  readonly #change: CounterChange;
  answer: CounterAnswer | undefined;

  constructor(change: CounterChange, call: Call) {
    this.call = call;
    this.keys = [change.key];
    this.#change = change;
  }

  frame(): RequestFrame {
    const { key, delta, create, cas } = this.#change;
    const amount = delta < 0n ? -delta : delta;
    const extras = counterExtras(amount, create?.value ?? 0n, create?.expires ?? DO_NOT_CREATE);
    return { opcode: delta < 0n ? Opcode.decr : Opcode.incr, key, extras, cas };
  }

  receive(_index: number, { status, bytes, casOffset, from, to }: ResponseFrame): DriverError | undefined {
    const outcome = OUTCOMES[status];
    if (outcome !== undefined) this.answer = { outcome };
    else if (status !== Status.ok) return refusedRequest(status);
    else if (to - from !== 8) return new DriverError('BACKEND', 'the server sent a counter of the wrong size');
    else this.answer = { outcome: 'done', value: bytes.readBigUInt64BE(from), cas: bytes.readBigUInt64BE(casOffset) };
    return undefined;
  }
}
