import {
  assertSizes,
  type CacheDriver,
  type Call,
  type Capabilities,
  DriverError,
  type Found,
  inParts,
  type Stored,
  sendParts,
} from '@ninefold/core';
import { INCR, SET_MANY } from './scripts.ts';
import type { Sender } from './sender.ts';

/** Maximum keys of a command: Redis serves no other client while it runs one. */
const MAX_KEYS = 5000;
/** Maximum UTF-16 units of a command, each of which takes one to three bytes. */
const MAX_LENGTH = 32 * 1024 * 1024;

type Entry = readonly [key: string, value: Stored];

/** `maxValueBytes`: the default of the server's `proto-max-bulk-len`. */
export const nodeRedisCapabilities: Capabilities = Object.freeze({
  shared: true,
  atomicIncr: true,
  ttlGranularity: 0.001,
  maxValueBytes: 512 * 1024 * 1024,
});

/** Runs each operation by Redis commands. */
export class NodeRedisDriver implements CacheDriver {
  readonly name = 'node-redis';
  readonly capabilities: Capabilities;
  readonly #connection: Sender;

  constructor(connection: Sender, capabilities: Capabilities) {
    this.#connection = connection;
    this.capabilities = capabilities;
  }

  async get(key: string, call: Call): Promise<Found> {
    try {
      return await this.#send(call, ['GET', key], toFound);
    } catch (error) {
      // A key of another type holds no cache value: it is a miss, as for MGET.
      if (error instanceof DriverError && error.options.cause?.code === 'WRONGTYPE') return undefined;
      throw error;
    }
  }

  async getMany(keys: readonly string[], call: Call): Promise<readonly Found[]> {
    const parts = inParts(keys, { maxItems: MAX_KEYS });
    const replies = await sendParts(parts, async (part) => {
      const values = await this.#send(call, ['MGET', ...part], (reply) => toList(reply, part.length));
      return values.map(toFound);
    });
    return replies.flat();
  }

  async setMany(entries: readonly Entry[], ttl: number | undefined, call: Call): Promise<void> {
    call.sent = false;
    assertSizes(entries, this.capabilities.maxValueBytes, call);
    const ttlMs = ttl === undefined ? undefined : String(Math.ceil(ttl * 1000));
    const parts = inParts(entries, {
      maxItems: MAX_KEYS,
      maxBytes: MAX_LENGTH,
      bytesOf: ([key, value]) => key.length + (typeof value === 'string' ? value.length : 20),
    });
    await sendParts(parts, (part) => this.#send(call, setCommand(part, ttlMs), assertOk));
  }

  async exists(key: string, call: Call): Promise<boolean> {
    return (await this.#send(call, ['EXISTS', key], toInteger)) === 1;
  }

  async deleteMany(keys: readonly string[], call: Call): Promise<number> {
    call.sent = false;
    const parts = inParts(keys, { maxItems: MAX_KEYS });
    const counts = await sendParts(parts, (part) => this.#send(call, ['UNLINK', ...part], toInteger));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async incr(key: string, delta: number, ttl: number | undefined, call: Call): Promise<number> {
    call.sent = false;
    const ttlMs = ttl === undefined ? '' : String(Math.ceil(ttl * 1000));
    return await this.#send(call, ['EVAL', INCR, '1', key, String(delta), ttlMs], toInteger);
  }

  close(): void {
    this.#connection.close();
  }

  /** For a call that ended unsent it resolves `undefined`, but no caller sees what comes of it. */
  #send<T>(call: Call, args: string[], read: (reply: unknown) => T): Promise<T> {
    return this.#connection.send(call, args, read) as Promise<T>;
  }
}

function setCommand(entries: readonly Entry[], ttlMs: string | undefined): string[] {
  const [single] = entries;
  if (single !== undefined && entries.length === 1) {
    return ['SET', single[0], String(single[1]), ...(ttlMs === undefined ? [] : ['PX', ttlMs])];
  }
  if (ttlMs === undefined) return ['MSET', ...entries.flatMap(([key, value]) => [key, String(value)])];
  const [keys, values] = [entries.map(([key]) => key), entries.map(([, value]) => String(value))];
  return ['EVAL', SET_MANY, String(keys.length), ...keys, ...values, ttlMs];
}

/** The reply to `MGET`. A proxy may put an error in place of a value. */
function toList(reply: unknown, length: number): readonly unknown[] {
  if (Array.isArray(reply) && reply.length === length) return reply;
  throw new DriverError('BACKEND', 'the reply does not match the keys');
}

function toFound(reply: unknown): Found {
  if (reply === null) return undefined;
  if (typeof reply === 'string') return reply;
  throw new DriverError('BACKEND', 'the reply is not a value');
}

function assertOk(reply: unknown): void {
  if (reply !== 'OK') throw new DriverError('BACKEND', 'the reply is not OK');
}

/** Scripts reply with text, so that no integer is rounded. */
function toInteger(reply: unknown): number {
  const number = typeof reply === 'string' || typeof reply === 'number' ? Number(reply) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw new DriverError('BACKEND', 'the reply is not an integer');
  return number;
}
