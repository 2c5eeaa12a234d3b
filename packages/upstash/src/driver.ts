import {
  assertSizes,
  type CacheDriver,
  type Call,
  type Capabilities,
  DriverError,
  type Found,
  inParts,
  LargeKeys,
  type Stored,
  sendParts,
  utf8Bytes,
} from '@ninefold/core';
import type { Commands, UpstashPipeline } from './client.ts';
import { type Ask, Gathering } from './gathering.ts';
import { INCR, SET_MANY } from './script.ts';

/** Keys in one MGET, and commands in one pipeline, that were asked for one by one. */
const MOST_GATHERED = 1000;
/** Keys in one UNLINK: the client passes them as arguments, of which a stack takes only so many. */
const MOST_ARGUMENTS = 10_000;
/** Of the service's 10 MB: what a request may reach by `jsonBytes`, beside the names of its commands. */
const MAX_REQUEST_BYTES = 9_900_000;

interface Read {
  readonly key: string;
  readonly kind: 'get' | 'exists';
  readonly deadline: number;
}

interface Write {
  readonly add: (pipeline: UpstashPipeline) => void;
  readonly bytes: number;
  readonly deadline: number;
}

type Entry = readonly [key: string, value: Stored];

/** The commands of each operation: one billed command where the service has one. */
export class UpstashDriver implements CacheDriver {
  readonly name = 'upstash';
  readonly capabilities: Capabilities;
  readonly #commands: Commands;
  readonly #reads = new Gathering<Read, unknown>(MOST_GATHERED, (asks) => void this.#sendReads(asks));
  readonly #writes = new Gathering<Write, unknown>(MOST_GATHERED, (asks) => this.#sendWrites(asks));
  readonly #large = new LargeKeys();

  constructor(commands: Commands, capabilities: Capabilities) {
    this.#commands = commands;
    this.capabilities = capabilities;
  }

  async get(key: string, { deadline }: Call): Promise<Found> {
    if (!this.#large.has(key)) return found(await this.#reads.ask({ key, kind: 'get', deadline }));
    const [values] = await this.#commands.send((pipeline) => pipeline.mget([key]), deadline);
    const value = found(list(values, 1)[0]);
    this.#large.weigh(key, value);
    return value;
  }

  async getMany(keys: readonly string[], { deadline }: Call): Promise<readonly Found[]> {
    const values = await sendParts(inRequests(keys, jsonBytes), first, async (part) => {
      const [answer] = await this.#commands.send((pipeline) => pipeline.mget([...part]), deadline);
      return list(answer, part.length).map(found);
    });
    return values.flat();
  }

  async setMany(entries: readonly Entry[], ttl: number | undefined, call: Call): Promise<void> {
    assertSizes(entries, this.capabilities.maxValueBytes, call);
    const { deadline } = call;
    // The service's step is a millisecond.
    const px = ttl === undefined ? undefined : Math.ceil(ttl * 1000);
    const [entry] = entries;
    if (entries.length === 1 && entry !== undefined) {
      const [key, value] = entry;
      const add = (pipeline: UpstashPipeline) =>
        pipeline.set(key, String(value), px === undefined ? undefined : { px });
      expectText(await this.#writes.ask({ add, bytes: entryBytes(entry), deadline }), 'OK');
      return;
    }
    await sendParts(inRequests(entries, entryBytes), firstOfEntries, async (part) => {
      const [answer] = await this.#commands.send((pipeline) => addSets(pipeline, part, px), deadline);
      if (px === undefined) expectText(answer, 'OK');
      else expectInteger(answer);
    });
  }

  async exists(key: string, { deadline }: Call): Promise<boolean> {
    return expectInteger(await this.#reads.ask({ key, kind: 'exists', deadline })) === 1;
  }

  async deleteMany(keys: readonly string[], { deadline }: Call): Promise<number> {
    if (keys.length === 1) {
      const add = (pipeline: UpstashPipeline) => pipeline.unlink(...keys);
      return expectInteger(await this.#writes.ask({ add, bytes: jsonBytes(keys[0] ?? ''), deadline }));
    }
    const answers = await sendParts(inRequests(keys, jsonBytes), first, (part) =>
      this.#commands.send((pipeline) => {
        for (const few of inParts(part, { mostItems: MOST_ARGUMENTS })) pipeline.unlink(...few);
      }, deadline),
    );
    return answers.flat().reduce((sum: number, answer) => sum + expectInteger(answer), 0);
  }

  async incr(key: string, delta: number, ttl: number | undefined, { deadline }: Call): Promise<number> {
    const px = ttl === undefined ? '' : String(Math.ceil(ttl * 1000));
    const add = (pipeline: UpstashPipeline) => pipeline.eval(INCR, [key], [String(delta), px]);
    return expectInteger(await this.#writes.ask({ add, bytes: INCR.length + jsonBytes(key), deadline }));
  }

  close(): void {
    this.#commands.close();
  }

  /** All that was asked for in one tick: one MGET, and an EXISTS each, in one request. */
  async #sendReads(asks: readonly Ask<Read, unknown>[]): Promise<void> {
    const gets = asks.filter(({ question }) => question.kind === 'get');
    const exists = asks.filter(({ question }) => question.kind === 'exists');
    const build = (pipeline: UpstashPipeline): void => {
      if (gets.length > 0) pipeline.mget(gets.map(({ question }) => question.key));
      for (const { question } of exists) pipeline.exists(question.key);
    };
    try {
      const answers = [...(await this.#commands.send(build, latest(asks)))];
      if (gets.length > 0) {
        const values = list(answers.shift(), gets.length);
        for (const [index, { question, resolve }] of gets.entries()) {
          this.#large.weigh(question.key, values[index]);
          resolve(values[index]);
        }
      }
      for (const [index, { resolve }] of exists.entries()) resolve(answers[index]);
    } catch (error) {
      for (const { reject } of asks) reject(error);
    }
  }

  #sendWrites(asks: readonly Ask<Write, unknown>[]): void {
    for (const part of inRequests(asks, ({ question }) => question.bytes)) void this.#sendWritesPart(part);
  }

  async #sendWritesPart(asks: readonly Ask<Write, unknown>[]): Promise<void> {
    const build = (pipeline: UpstashPipeline): void => {
      for (const { question } of asks) question.add(pipeline);
    };
    try {
      const answers = await this.#commands.send(build, latest(asks));
      for (const [index, { resolve }] of asks.entries()) resolve(answers[index]);
    } catch (error) {
      for (const { reject } of asks) reject(error);
    }
  }
}

function addSets(pipeline: UpstashPipeline, entries: readonly Entry[], px: number | undefined): void {
  if (px === undefined) {
    // Without a prototype, so that a key named `__proto__` is a key.
    const values: Record<string, string> = Object.create(null);
    for (const [key, value] of entries) values[key] = String(value);
    pipeline.mset(values);
    return;
  }
  const keys = entries.map(([key]) => key);
  pipeline.eval(SET_MANY, keys, [...entries.map(([, value]) => String(value)), String(px)]);
}

function latest(asks: readonly Ask<{ readonly deadline: number }, unknown>[]): number {
  return asks.reduce((most, { question }) => Math.max(most, question.deadline), 0);
}

/** Bytes of a text and a comma in a JSON body. A short one is taken for as many as it can have: six for a control character. */
function jsonBytes(text: string): number {
  return (text.length <= 1000 ? 6 * text.length + 2 : utf8Bytes(JSON.stringify(text))) + 1;
}

function entryBytes([key, value]: Entry): number {
  return jsonBytes(key) + (typeof value === 'number' ? 20 : jsonBytes(value));
}

/** As few parts as the requests of the service can carry. */
function inRequests<T>(items: readonly T[], bytesOf: (item: T) => number): readonly (readonly T[])[] {
  return inParts(items, { mostItems: items.length, mostBytes: MAX_REQUEST_BYTES, bytesOf });
}

function first(keys: readonly string[]): string | undefined {
  return keys[0];
}

function firstOfEntries(entries: readonly Entry[]): string | undefined {
  return entries[0]?.[0];
}

function misfit(): DriverError {
  return new DriverError('BACKEND', 'the answer is not of the shape that the command has');
}

function list(answer: unknown, length: number): readonly unknown[] {
  if (answer instanceof DriverError) throw answer;
  if (!Array.isArray(answer) || answer.length !== length) throw misfit();
  return answer;
}

function found(answer: unknown): Found {
  if (answer === null) return undefined;
  if (typeof answer === 'string') return answer;
  throw answer instanceof DriverError ? answer : misfit();
}

function expectInteger(answer: unknown): number {
  if (Number.isSafeInteger(answer)) return answer as number;
  throw answer instanceof DriverError ? answer : misfit();
}

function expectText(answer: unknown, text: string): void {
  if (answer !== text) throw answer instanceof DriverError ? answer : misfit();
}
