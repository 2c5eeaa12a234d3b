import {
  assertSizes,
  type CacheDriver,
  type Call,
  type Capabilities,
  type Found,
  inParts,
  type Stored,
  sendParts,
  utf8Bytes,
} from '@ninefold/core';
import { expectInteger, expectText, found, isTooLarge, list } from './answers.ts';
import type { Commands, UpstashPipeline } from './client.ts';
import { GatheredReads } from './gathered-reads.ts';
import { type Ask, Gathering, halves, latest, MOST_HALVINGS } from './gathering.ts';
import { INCR, SET_MANY } from './script.ts';

/** Keys in one UNLINK: the client passes them as arguments, of which a stack takes only so many. */
const MOST_ARGUMENTS = 10_000;
/** Of the service's 10 MB: what a request may reach by `jsonBytes`, beside the names of its commands. */
const MAX_REQUEST_BYTES = 9_900_000;
/** Of what was asked for one by one: keys in one MGET, and commands in one pipeline. */
const GATHERED = { mostItems: 1000, mostBytes: MAX_REQUEST_BYTES };

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
  readonly #reads: GatheredReads;
  readonly #writes = new Gathering<Write, unknown>(
    { ...GATHERED, bytesOf: ({ question }) => question.bytes },
    (asks) => void this.#sendWrites(asks),
  );

  constructor(commands: Commands, capabilities: Capabilities) {
    this.#commands = commands;
    this.capabilities = capabilities;
    this.#reads = new GatheredReads(commands, { ...GATHERED, bytesOf: ({ question }) => jsonBytes(question.key) });
  }

  get(key: string, { deadline }: Call): Promise<Found> {
    return this.#reads.get(key, deadline);
  }

  async getMany(keys: readonly string[], { deadline }: Call): Promise<readonly Found[]> {
    return await this.#read(inRequests(keys, jsonBytes), deadline, MOST_HALVINGS);
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

  exists(key: string, { deadline }: Call): Promise<boolean> {
    return this.#reads.exists(key, deadline);
  }

  async deleteMany(keys: readonly string[], { deadline }: Call): Promise<number> {
    const answers = await sendParts(inRequests(keys, jsonBytes), first, async (part) => {
      const add = (pipeline: UpstashPipeline): void => {
        for (const few of inParts(part, { mostItems: MOST_ARGUMENTS })) pipeline.unlink(...few);
      };
      const [key] = keys;
      if (key === undefined || keys.length > 1) return await this.#commands.send(add, deadline);
      return [await this.#writes.ask({ add, bytes: jsonBytes(key), deadline })];
    });
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

  /** A part that is too large is asked for in halves, which may be halved as often. */
  async #read(parts: readonly (readonly string[])[], deadline: number, halvings: number): Promise<readonly Found[]> {
    const values = await sendParts(parts, first, async (keys) => {
      try {
        const [answer] = await this.#commands.send((pipeline) => pipeline.mget([...keys]), deadline);
        return list(answer, keys.length).map(found);
      } catch (error) {
        if (halvings === 0 || keys.length === 1 || !isTooLarge(error)) throw error;
        return await this.#read(halves(keys), deadline, halvings - 1);
      }
    });
    return values.flat();
  }

  async #sendWrites(asks: readonly Ask<Write, unknown>[]): Promise<void> {
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
