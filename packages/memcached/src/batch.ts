import { setImmediate as turn } from 'node:timers/promises';
import { type Call, DriverError, inParts } from '@ninefold/core';
import { encode, Opcode, type RequestFrame, type ResponseFrame } from './protocol.ts';
import type { Channel, Request } from './request.ts';

/** Keys and UTF-8 bytes in one part of a batch. Other calls are sent between parts. */
const MAX_KEYS = 10_000;
const MAX_BYTES = 2 * 1024 * 1024;
/** Bytes of a frame besides key and value: the header, and the extras of a SET. */
const FRAME_BYTES = 32;

/** A batch of one kind of request: the keys, a frame for each, and what to do with its response. */
export interface Command {
  readonly call: Call;
  readonly keys: readonly string[];
  /** UTF-8 bytes of an item's value. Default: 0. */
  valueBytes?(index: number): number;
  /** The frame of an item. The server responds to a quiet one only if `receive` needs to know. */
  frame(index: number, quiet: boolean): RequestFrame;
  /** Records the response to an item, or returns an error if its status is a failure. */
  receive(index: number, response: ResponseFrame): DriverError | undefined;
}

interface Failure {
  readonly index: number;
  readonly error: DriverError;
  /** The whole part failed, not only the item. */
  readonly failsPart: boolean;
}

const NOOP: RequestFrame = { opcode: Opcode.noop };
const ONE: readonly number[] = [0];

/** Resolves when all items are done. Rejects with the first failure in the order of the items, and its key. */
export async function sendBatch(channelFor: (key: string) => Channel, command: Command): Promise<void> {
  const failures =
    command.keys.length === 1 ? await sendOne(channelFor, command) : await sendSplit(channelFor, command);
  const [first] = failures.sort((a, b) => a.index - b.index);
  if (first === undefined) return;
  const { code, message, options } = first.error;
  throw new DriverError(code, message, { ...options, key: command.keys[first.index] });
}

function sendOne(channelFor: (key: string) => Channel, command: Command): Promise<Failure[]> {
  const channel = channelFor(command.keys[0] as string);
  return new Promise((resolve) => {
    channel.send(new Part(ONE, command, (failure) => resolve(failure === undefined ? [] : [failure])));
  });
}

/** Sends to all servers in parallel. */
async function sendSplit(channelFor: (key: string) => Channel, command: Command): Promise<Failure[]> {
  const channels = new Map<Channel, number[]>();
  for (const [index, key] of command.keys.entries()) {
    if (index > 0 && index % MAX_KEYS === 0) await turn();
    const channel = channelFor(key);
    const indexes = channels.get(channel);
    if (indexes === undefined) channels.set(channel, [index]);
    else indexes.push(index);
  }
  return (await Promise.all([...channels].map(([channel, indexes]) => sendInParts(channel, indexes, command)))).flat();
}

/** Writes one part per turn of the event loop, without waiting for responses. */
async function sendInParts(channel: Channel, indexes: readonly number[], command: Command): Promise<Failure[]> {
  const bytesOf = (index: number) =>
    FRAME_BYTES + (command.keys[index]?.length ?? 0) + (command.valueBytes?.(index) ?? 0);
  const parts = inParts(indexes, { maxItems: MAX_KEYS, maxBytes: MAX_BYTES, bytesOf });
  const outcomes: Promise<Failure | undefined>[] = [];
  let failed = false;
  for (const part of parts) {
    if (command.call.ended || failed) break;
    const [outcome, written] = sendPart(channel, part, command);
    outcomes.push(
      outcome.then((failure) => {
        failed ||= failure?.failsPart === true;
        return failure;
      }),
    );
    if (part === parts.at(-1)) break;
    await written;
    await turn();
  }
  return (await Promise.all(outcomes)).filter((failure) => failure !== undefined);
}

/** Sends a part: `written` resolves when it has been written, `outcome` when it is done. Neither rejects. */
function sendPart(
  channel: Channel,
  indexes: readonly number[],
  command: Command,
): readonly [outcome: Promise<Failure | undefined>, written: Promise<void>] {
  let settle: (failure: Failure | undefined) => void = () => undefined;
  let next = (): void => undefined;
  const outcome = new Promise<Failure | undefined>((resolve) => {
    settle = resolve;
  });
  const written = new Promise<void>((resolve) => {
    next = resolve;
  });
  // Outside both promises, so that an exception reaches the caller.
  channel.send(new Part(indexes, command, settle, next));
  return [outcome, written];
}

class Part implements Request {
  readonly call: Call;
  readonly size: number;
  readonly written: (() => void) | undefined;
  readonly #indexes: readonly number[];
  readonly #command: Command;
  readonly #settle: (failure: Failure | undefined) => void;
  #failure: Failure | undefined;

  constructor(
    indexes: readonly number[],
    command: Command,
    settle: (failure: Failure | undefined) => void,
    written?: () => void,
  ) {
    this.call = command.call;
    this.size = indexes.length === 1 ? 1 : indexes.length + 1;
    this.written = written;
    this.#indexes = indexes;
    this.#command = command;
    this.#settle = settle;
  }

  encode(opaque: number): Buffer {
    const quiet = this.size > 1;
    const frames = this.#indexes.map((index) => this.#command.frame(index, quiet));
    if (quiet) frames.push(NOOP);
    return encode(frames, opaque);
  }

  receive(at: number, response: ResponseFrame): boolean {
    const index = this.#indexes[at];
    if (index !== undefined) {
      const error = this.#command.receive(index, response);
      if (error !== undefined) this.#failure ??= { index, error, failsPart: false };
    }
    if (at < this.size - 1) return false;
    this.#settle(this.#failure);
    return true;
  }

  fail(error: DriverError): void {
    this.#settle({ index: this.#indexes[0] ?? 0, error, failsPart: true });
  }
}
