import {
  assertSizes,
  type CacheDriver,
  type Call,
  type Capabilities,
  type Found,
  inParts,
  type Stored,
  sendParts,
} from '@ninefold/core';
import { CoalescedReads } from './coalesced-reads.ts';
import { Coalescer } from './coalescer.ts';
import type { Command, CommandSender } from './command-sender.ts';
import { isUnsent } from './failures.ts';
import { expectCount, expectInteger, expectOk } from './results.ts';
import { INCR, SET_MANY } from './script.ts';
import { entryBytes, inRequests, jsonBytes, MAX_REQUEST_BYTES } from './sizes.ts';

/** Keys in one UNLINK: the client spreads them as arguments, and too many overflow the stack. */
const MAX_ARGUMENTS = 10_000;
/** Commands in one coalesced request. */
const MAX_COMMANDS = 1000;
/** Bytes of a write that is coalesced: a larger one would delay the others. */
const MAX_COALESCED_BYTES = 1_000_000;

interface Write {
  readonly command: Command;
  readonly bytes: number;
  readonly call: Call;
}

type Entry = readonly [key: string, value: Stored];

/** Maps each operation to commands: one billed command where the service has one. */
export class UpstashDriver implements CacheDriver {
  readonly name = 'upstash';
  readonly capabilities: Capabilities;
  readonly #sender: CommandSender;
  readonly #reads: CoalescedReads;
  readonly #writes = new Coalescer<Write, unknown>(
    { maxItems: MAX_COMMANDS, maxBytes: MAX_REQUEST_BYTES, bytesOf: ({ bytes }) => bytes },
    (writes) => this.#sendWrites(writes),
  );

  constructor(sender: CommandSender, capabilities: Capabilities) {
    this.#sender = sender;
    this.capabilities = capabilities;
    this.#reads = new CoalescedReads(sender);
  }

  get(key: string, call: Call): Promise<Found> {
    return this.#reads.get(key, call);
  }

  getMany(keys: readonly string[], call: Call): Promise<readonly Found[]> {
    return this.#reads.getMany(keys, call);
  }

  async setMany(entries: readonly Entry[], ttl: number | undefined, call: Call): Promise<void> {
    assertSizes(entries, this.capabilities.maxValueBytes, call);
    // The service counts TTLs in milliseconds.
    const px = ttl === undefined ? undefined : Math.ceil(ttl * 1000);
    const [entry] = entries;
    if (entries.length === 1 && entry !== undefined) {
      expectOk(await this.#write(set(entry, px), entryBytes(entry), call));
      return;
    }
    const { parts, bytes } = inRequests(entries, entryBytes);
    await sendParts(parts, async (part) => {
      if (px === undefined) expectOk(await this.#write(setAll(part), bytes, call));
      else expectInteger(await this.#write(setAllFor(part, px), bytes, call));
    });
  }

  exists(key: string, call: Call): Promise<boolean> {
    return this.#reads.exists(key, call);
  }

  async deleteMany(keys: readonly string[], call: Call): Promise<number> {
    const { parts, bytes } = inRequests(keys, jsonBytes);
    const counts = await sendParts(parts, async (part) => {
      const unlinks = inParts(part, { maxItems: MAX_ARGUMENTS }).map(unlink);
      const [only] = unlinks;
      const results =
        only !== undefined && unlinks.length === 1
          ? [await this.#write(only, bytes, call)]
          : await this.#sender.send(unlinks, [call]);
      return results.map((result) => expectCount(result, part.length));
    });
    return counts.flat().reduce((sum, count) => sum + count, 0);
  }

  async incr(key: string, delta: number, ttl: number | undefined, call: Call): Promise<number> {
    const px = ttl === undefined ? '' : String(Math.ceil(ttl * 1000));
    const add: Command = (pipeline) => pipeline.eval(INCR, [key], [String(delta), px]);
    return expectInteger(await this.#write(add, INCR.length + jsonBytes(key), call));
  }

  close(): void {
    // Every request has ended with its calls.
  }

  /** Sends the only command of a call, or of a part of a call. A small one is coalesced with the writes of its tick. */
  #write(command: Command, bytes: number, call: Call): Promise<unknown> {
    if (bytes <= MAX_COALESCED_BYTES) return this.#writes.add({ command, bytes, call });
    return this.#sender.send([command], [call]).then(([result]) => result);
  }

  async #sendWrites(writes: readonly Write[]): Promise<readonly unknown[]> {
    const commands = writes.map(({ command }) => command);
    const calls = writes.map(({ call }) => call);
    try {
      return await this.#sender.send(commands, calls);
    } catch (error) {
      // Each of these calls has sent no other request.
      if (isUnsent(error)) for (const call of calls) call.sent = false;
      throw error;
    }
  }
}

function set([key, value]: Entry, px: number | undefined): Command {
  return (pipeline) => pipeline.set(key, String(value), px === undefined ? undefined : { px });
}

function setAll(entries: readonly Entry[]): Command {
  // No prototype, so that `__proto__` is a key like any other.
  const values: Record<string, string> = Object.create(null);
  for (const [key, value] of entries) values[key] = String(value);
  return (pipeline) => pipeline.mset(values);
}

function setAllFor(entries: readonly Entry[], px: number): Command {
  const keys = entries.map(([key]) => key);
  return (pipeline) => pipeline.eval(SET_MANY, keys, [...entries.map(([, value]) => String(value)), String(px)]);
}

function unlink(keys: readonly string[]): Command {
  return (pipeline) => pipeline.unlink(...keys);
}
