import {
  type CacheDriver,
  type Call,
  type Capabilities,
  DriverError,
  type Found,
  inParts,
  type Stored,
  sendParts,
} from '@ninefold/core';
import type { Sender } from './connection.ts';
import { INCR, SET_MANY } from './scripts.ts';

/** Keys in one command: Redis serves nobody else meanwhile. */
const MOST_KEYS = 10_000;
/** Keys of one script: Lua's stack takes no more at once. */
const MOST_SCRIPT_KEYS = 5000;

type Entry = readonly [key: string, value: Stored];

export const redisCapabilities: Capabilities = Object.freeze({
  shared: true,
  atomicIncr: true,
  ttlGranularity: 0.001,
  // proto-max-bulk-len, by default.
  maxValueBytes: 512 * 1024 * 1024,
});

/** The commands of each operation on one server. */
export class RedisDriver implements CacheDriver {
  readonly name = 'redis';
  readonly capabilities: Capabilities = redisCapabilities;
  readonly #connection: Sender;

  constructor(connection: Sender) {
    this.#connection = connection;
  }

  async get(key: string, call: Call): Promise<Found> {
    try {
      return found(await this.#connection.send(call, 'GET', [key]));
    } catch (error) {
      // Of another type: no value of a cache, and so a miss, as MGET has it.
      if (error instanceof DriverError && error.options.cause?.code === 'WRONGTYPE') return undefined;
      throw error;
    }
  }

  async getMany(keys: readonly string[], call: Call): Promise<readonly Found[]> {
    const parts = inParts(keys, { mostItems: MOST_KEYS });
    const answers = await sendParts(parts, first, (part) => this.#connection.send(call, 'MGET', [...part]));
    return answers.flat().map(found);
  }

  async setMany(entries: readonly Entry[], ttl: number | undefined, call: Call): Promise<void> {
    const px = ttl === undefined ? undefined : Math.ceil(ttl * 1000);
    const [entry] = entries;
    if (entries.length === 1 && entry !== undefined) {
      const [key, value] = entry;
      await this.#connection.send(call, 'SET', px === undefined ? [key, value] : [key, value, 'PX', px]);
      return;
    }
    const parts = inParts(entries, { mostItems: px === undefined ? MOST_KEYS : MOST_SCRIPT_KEYS });
    await sendParts(
      parts,
      (part) => part[0]?.[0],
      (part) => {
        if (px === undefined) return this.#connection.send(call, 'MSET', part.flat());
        const keys = part.map(([key]) => key);
        const values = part.map(([, value]) => value);
        return this.#connection.send(call, 'EVAL', [SET_MANY, keys.length, ...keys, ...values, px]);
      },
    );
  }

  async exists(key: string, call: Call): Promise<boolean> {
    return integer(await this.#connection.send(call, 'EXISTS', [key])) === 1;
  }

  async deleteMany(keys: readonly string[], call: Call): Promise<number> {
    const parts = inParts(keys, { mostItems: MOST_KEYS });
    const counts = await sendParts(parts, first, (part) => this.#connection.send(call, 'UNLINK', [...part]));
    return counts.reduce((sum: number, count) => sum + integer(count), 0);
  }

  async incr(key: string, delta: number, ttl: number | undefined, call: Call): Promise<number> {
    const px = ttl === undefined ? '' : Math.ceil(ttl * 1000);
    return integer(await this.#connection.send(call, 'EVAL', [INCR, 1, key, delta, px]));
  }

  close(): void {
    this.#connection.close();
  }
}

function first(keys: readonly string[]): string | undefined {
  return keys[0];
}

function found(answer: unknown): Found {
  if (answer === null) return undefined;
  if (typeof answer === 'string') return answer;
  throw new DriverError('BACKEND', 'the server answered what is no value');
}

/** Integers come as texts, so that none is rounded. */
function integer(answer: unknown): number {
  const number = Number(answer);
  if (!Number.isSafeInteger(number)) throw new DriverError('BACKEND', 'the server answered what is no integer');
  return number;
}
