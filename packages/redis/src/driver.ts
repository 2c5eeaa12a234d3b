import {
  assertSizes,
  type CacheDriver,
  type Call,
  type Capabilities,
  type Found,
  inParts,
  sendParts,
} from '@ninefold/core';
import { Commands, type Entry } from './commands.ts';
import type { Sender } from './sender.ts';

/** Minimum commands of a batch with enough keys: the server runs one while the next is written and the last reply is read. */
const MIN_COMMANDS = 4;
/** Minimum keys of such a command: with fewer, or if client and server share a core, one more costs about what it gains. */
const MIN_KEYS = 250;
/** Maximum keys of a command: Redis serves no other client while it runs one. */
const MAX_KEYS = 500;
/** Maximum UTF-16 units of a command: about as many are in transit while the next one is written. */
const MAX_LENGTH = 48 * 1024;
/** UTF-16 units above which a `SET` of its own takes half the time: the server reads it while the next one is written. */
const LARGE_LENGTH = 10_000;

/** `maxValueBytes`: the default of the server's `proto-max-bulk-len`. */
export const redisCapabilities: Capabilities = Object.freeze({
  shared: true,
  atomicIncr: true,
  ttlGranularity: 0.001,
  maxValueBytes: 512 * 1024 * 1024,
});

/** Splits each operation into few commands, for one server or for each slot of a cluster. */
export class RedisDriver implements CacheDriver {
  readonly name = 'redis';
  readonly capabilities: Capabilities;
  readonly #commands: Commands;
  readonly #slotOf: ((key: string) => number) | undefined;

  constructor(sender: Sender, capabilities: Capabilities) {
    this.capabilities = capabilities;
    this.#commands = new Commands(sender);
    this.#slotOf = sender.slotOf;
  }

  get(key: string, call: Call): Promise<Found> {
    return this.#commands.get(key, call);
  }

  getMany(keys: readonly string[], call: Call): Promise<readonly Found[]> {
    // So few keys share one command, however long they are.
    if (this.#slotOf === undefined && keys.length <= MIN_KEYS) return this.#commands.getMany(keys, call);
    return this.#getParts(keys, call);
  }

  async setMany(entries: readonly Entry[], ttl: number | undefined, call: Call): Promise<void> {
    call.sent = false;
    assertSizes(entries, this.capabilities.maxValueBytes, call);
    // The server's step is a millisecond.
    const ttlMs = ttl === undefined ? undefined : Math.ceil(ttl * 1000);
    const [entry] = entries;
    if (entry !== undefined && entries.length === 1) return await this.#commands.set(entry, ttlMs, call);
    const shared = this.#partsOf(
      entries.filter((each) => !isLarge(each)),
      keyOf,
      entryLength,
    );
    const alone = entries.filter(isLarge).map((each) => [each]);
    await sendParts([...shared, ...alone], (part) => this.#commands.setMany(part, ttlMs, call));
  }

  exists(key: string, call: Call): Promise<boolean> {
    return this.#commands.exists(key, call);
  }

  async deleteMany(keys: readonly string[], call: Call): Promise<number> {
    call.sent = false;
    const parts = this.#partsOf(keys, identity, length);
    const counts = await sendParts(parts, (part) => this.#commands.delete(part, call));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  incr(key: string, delta: number, ttl: number | undefined, call: Call): Promise<number> {
    call.sent = false;
    return this.#commands.incr(key, delta, ttl === undefined ? undefined : Math.ceil(ttl * 1000), call);
  }

  close(): void {
    this.#commands.close();
  }

  async #getParts(keys: readonly string[], call: Call): Promise<readonly Found[]> {
    const parts = this.#partsOf(keys, identity, length);
    const values = await sendParts(parts, (part) => this.#commands.getMany(part, call));
    if (this.#slotOf === undefined || parts.length === 1) return values.flat();
    const found = new Map<string, Found>();
    for (const [at, part] of parts.entries())
      for (const [index, key] of part.entries()) found.set(key, values[at]?.[index]);
    return keys.map((key) => found.get(key));
  }

  /** Groups items that may share a command, in the order of the first item of each group. */
  #partsOf<T>(items: readonly T[], key: (item: T) => string, lengthOf: (item: T) => number): readonly (readonly T[])[] {
    const slotOf = this.#slotOf;
    if (slotOf === undefined) return inCommands(items, lengthOf);
    const slots = new Map<number, T[]>();
    for (const item of items) {
      const slot = slotOf(key(item));
      const others = slots.get(slot);
      if (others === undefined) slots.set(slot, [item]);
      else others.push(item);
    }
    return [...slots.values()].flatMap((items) => inCommands(items, lengthOf));
  }
}

/** Splits items into commands of about the same size, or into a single one if splitting does not pay. */
function inCommands<T>(items: readonly T[], bytesOf: (item: T) => number): readonly (readonly T[])[] {
  const { length } = items;
  const commands = Math.min(Math.max(MIN_COMMANDS, Math.ceil(length / MAX_KEYS)), Math.floor(length / MIN_KEYS));
  return inParts(items, {
    maxItems: Math.ceil(length / commands),
    maxBytes: MAX_LENGTH,
    bytesOf,
  });
}

function identity(key: string): string {
  return key;
}

function keyOf([key]: Entry): string {
  return key;
}

function isLarge([, value]: Entry): boolean {
  return typeof value === 'string' && value.length > LARGE_LENGTH;
}

function length(key: string): number {
  return key.length;
}

function entryLength([key, value]: Entry): number {
  return key.length + (typeof value === 'string' ? value.length : 20);
}
