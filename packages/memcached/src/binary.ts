import { type Call, DriverError, inParts } from '@ninefold/core';
import { refusal } from './failures.ts';
import {
  type Answer,
  counterExtras,
  DO_NOT_CREATE,
  encode,
  type Frame,
  Opcode,
  Status,
  setExtras,
} from './protocol.ts';
import type { Lane, Request } from './request.ts';
import type { CounterAnswer, CounterChange, MemcachedTransport } from './transport.ts';

/** Keys and UTF-8 bytes of one part of a batch; other calls get their turn between parts. */
const MOST_KEYS = 10_000;
const MOST_BYTES = 2 * 1024 * 1024;
/** Beside key and value: the header, and the extras of a SET. */
const FRAME_BYTES = 32;

/** What a batch asks for each of its items. */
interface Work {
  readonly call: Call;
  /** The keys of the items. */
  readonly keys: readonly string[];
  /** UTF-8 bytes of the value of an item. */
  readonly valueBytes?: (index: number) => number;
  /** The frame of an item; a quiet one answers only what `take` must know. */
  frame(index: number, quiet: boolean): Frame;
  /** What an answer says of an item; a status that is a failure becomes one. */
  take(index: number, answer: Answer): DriverError | undefined;
}

interface Failure {
  readonly index: number;
  readonly error: DriverError;
  /** It is not that item's alone. */
  readonly whole: boolean;
}

const NOOP: Frame = { opcode: Opcode.noop };

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
    await this.#send({
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
    await this.#send({
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
    await this.#send({
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
    await this.#send({
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

  /** Resolves when every part has been answered; rejects with the first failure in the order of the items, and its key. */
  async #send(work: Work): Promise<void> {
    const { keys } = work;
    const lanes = new Map<Lane, number[]>();
    for (const [index, key] of keys.entries()) {
      const lane = this.#laneOf(key);
      const indexes = lanes.get(lane);
      if (indexes === undefined) lanes.set(lane, [index]);
      else indexes.push(index);
    }
    const failures = await Promise.all([...lanes].map(([lane, indexes]) => sendInParts(lane, indexes, work)));
    const [first] = failures.flat().sort((a, b) => a.index - b.index);
    if (first === undefined) return;
    const { code, message, options } = first.error;
    throw new DriverError(code, message, { ...options, key: keys[first.index] });
  }
}

const OUTCOMES: Readonly<Record<number, Exclude<CounterAnswer['outcome'], 'done'>>> = {
  [Status.notFound]: 'missing',
  [Status.exists]: 'changed',
  [Status.notStored]: 'raced',
  [Status.notNumeric]: 'not a number',
};

/** One part after another is handed to the socket, without waiting for answers. */
async function sendInParts(lane: Lane, indexes: readonly number[], work: Work): Promise<Failure[]> {
  const { keys, valueBytes = () => 0 } = work;
  const bytesOf = (index: number) => FRAME_BYTES + (keys[index]?.length ?? 0) + valueBytes(index);
  const parts = inParts(indexes, { mostItems: MOST_KEYS, mostBytes: MOST_BYTES, bytesOf });
  const outcomes: Promise<Failure | undefined>[] = [];
  let broken = false;
  for (const part of parts) {
    if (work.call.ended || broken) break;
    let written: Promise<void> | undefined;
    const outcome = new Promise<Failure | undefined>((resolve) => {
      const settle = (failure: Failure | undefined): void => {
        broken ||= failure?.whole === true;
        resolve(failure);
      };
      written = new Promise((next) => lane.send(new Part(part, work, settle, next)));
    });
    outcomes.push(outcome);
    if (part !== parts.at(-1)) await written;
  }
  return (await Promise.all(outcomes)).filter((failure) => failure !== undefined);
}

class Part implements Request {
  readonly call: Call;
  readonly size: number;
  readonly written: () => void;
  readonly #indexes: readonly number[];
  readonly #work: Work;
  readonly #settle: (failure: Failure | undefined) => void;
  #failure: Failure | undefined;

  constructor(
    indexes: readonly number[],
    work: Work,
    settle: (failure: Failure | undefined) => void,
    written: () => void,
  ) {
    this.call = work.call;
    this.size = indexes.length === 1 ? 1 : indexes.length + 1;
    this.written = written;
    this.#indexes = indexes;
    this.#work = work;
    this.#settle = settle;
  }

  encode(opaque: number): Buffer {
    const quiet = this.size > 1;
    const frames = this.#indexes.map((index) => this.#work.frame(index, quiet));
    if (quiet) frames.push(NOOP);
    return encode(frames, opaque);
  }

  take(at: number, answer: Answer): boolean {
    const index = this.#indexes[at];
    if (index !== undefined) {
      const error = this.#work.take(index, answer);
      if (error !== undefined) this.#failure ??= { index, error, whole: false };
    }
    if (at < this.size - 1) return false;
    this.#settle(this.#failure);
    return true;
  }

  fail(error: DriverError): void {
    this.#settle({ index: this.#indexes[0] ?? 0, error, whole: true });
  }
}
