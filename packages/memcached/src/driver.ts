import {
  type Awaitable,
  type CacheDriver,
  type Call,
  type Capabilities,
  DriverError,
  type Found,
  isDriverError,
  type Stored,
} from '@ninefold/core';
import { decodeStored, encodeStored, fromBiased, toBiased, wasSafe } from './counters.ts';
import { wireKey } from './keys.ts';
import type { CounterAnswer, CounterChange, MemcachedTransport } from './transport.ts';

/** Seconds. memcached takes a larger expiry for a date. */
const MAX_RELATIVE_EXPIRY = 2_592_000;
const MAX_EXPIRY = 0xfffffffe;

/** Maps operations to requests, and keys, values and TTLs to their stored forms. */
export class MemcachedDriver implements CacheDriver {
  readonly name = 'memcached';
  readonly capabilities: Capabilities;
  readonly #transport: MemcachedTransport;

  constructor(transport: MemcachedTransport, capabilities: Capabilities) {
    this.#transport = transport;
    this.capabilities = capabilities;
  }

  async get(key: string, call: Call): Promise<Found> {
    const text = await this.#getText(key, call);
    return text === undefined ? undefined : decodeStored(text);
  }

  async getMany(keys: readonly string[], call: Call): Promise<readonly Found[]> {
    const wireKeys = keys.map(wireKey);
    try {
      const texts = await this.#transport.getMany(wireKeys, call);
      return texts.map((text) => (text === undefined ? undefined : decodeStored(text)));
    } catch (error) {
      throw withOriginalKey(error, keys, wireKeys);
    }
  }

  async setMany(
    entries: readonly (readonly [key: string, value: Stored])[],
    ttl: number | undefined,
    call: Call,
  ): Promise<void> {
    const texts = entries.map(([key, value]): [string, string] => [wireKey(key), encodeStored(value)]);
    try {
      await this.#transport.setMany(texts, expiryOf(ttl), call);
    } catch (error) {
      throw withOriginalKey(error, entries.map(first), texts.map(first));
    }
  }

  async exists(key: string, call: Call): Promise<boolean> {
    return (await this.#getText(key, call)) !== undefined;
  }

  async deleteMany(keys: readonly string[], call: Call): Promise<number> {
    const wireKeys = keys.map(wireKey);
    try {
      return await this.#transport.deleteMany(wireKeys, call);
    } catch (error) {
      throw withOriginalKey(error, keys, wireKeys);
    }
  }

  async incr(key: string, delta: number, ttl: number | undefined, call: Call): Promise<number> {
    const create = { value: toBiased(delta), expires: expiryOf(ttl) };
    const change: CounterChange = { key: wireKey(key), delta: BigInt(delta), create };
    let answer = await this.#change(key, change, call);
    // Another process has created the counter meanwhile. The request was refused, so it may be sent again.
    while (answer.outcome === 'raced' && !call.ended) answer = await this.#change(key, change, call);
    if (answer.outcome !== 'done') throw refusedCounter(answer.outcome);
    const sum = fromBiased(answer.value);
    if (sum !== undefined && wasSafe(answer.value, delta)) return sum;
    const applied = await this.#undo(change, answer.cas, call);
    throw wasSafe(answer.value, delta)
      ? new DriverError('COUNTER_RANGE', RANGE_REASONS[applied], { applied })
      : new DriverError('NOT_A_COUNTER', 'the value is an integer of another program, and may have been changed');
  }

  close(): Awaitable<void> {
    return this.#transport.close();
  }

  async #getText(key: string, call: Call): Promise<string | undefined> {
    const wireKeys = [wireKey(key)];
    try {
      const [text] = await this.#transport.getMany(wireKeys, call);
      return text;
    } catch (error) {
      throw withOriginalKey(error, [key], wireKeys);
    }
  }

  async #change(key: string, change: CounterChange, call: Call): Promise<CounterAnswer> {
    try {
      return await this.#transport.incr(change, call);
    } catch (error) {
      throw withOriginalKey(error, [key], [change.key]);
    }
  }

  /** Undoes a change, unless another write came after it. Returns whether it may still be applied. */
  async #undo(change: CounterChange, cas: bigint, call: Call): Promise<'no' | 'maybe'> {
    try {
      const undo = { key: change.key, delta: -change.delta, create: undefined, cas };
      const { outcome } = await this.#transport.incr(undo, call);
      return outcome === 'done' || outcome === 'missing' ? 'no' : 'maybe';
    } catch (error) {
      // The caller reports the range error, and that the change may still be applied.
      if (isDriverError(error)) return 'maybe';
      throw error;
    }
  }
}

const RANGE_REASONS = {
  no: 'the result is outside ±(2^53-1); the counter is as it was',
  maybe: 'the result is outside ±(2^53-1), and could not be undone',
} as const;

function refusedCounter(outcome: 'missing' | 'changed' | 'raced' | 'not a number'): DriverError {
  return outcome === 'not a number'
    ? new DriverError('NOT_A_COUNTER', 'the value is not an integer', { applied: 'no' })
    : new DriverError('BACKEND', `the server did not create the counter (${outcome})`, {
        applied: 'no',
        retryable: true,
      });
}

/**
 * An expiry that is never early. The server counts whole seconds and reads its clock about once a second. When it reads
 * late, by milliseconds or more on a busy machine, it skips a second, so its time may be two seconds behind.
 */
function expiryOf(ttl: number | undefined): number {
  if (ttl === undefined) return 0;
  const seconds = Math.ceil(ttl) + 2;
  if (seconds <= MAX_RELATIVE_EXPIRY) return seconds;
  return Math.min(Math.floor(Date.now() / 1000) + seconds, MAX_EXPIRY);
}

function first([key]: readonly [key: string, ...rest: unknown[]]): string {
  return key;
}

/** Replaces the wire key of a failure by the key that core passed. */
function withOriginalKey(error: unknown, keys: readonly string[], wireKeys: readonly string[]): unknown {
  if (!isDriverError(error) || error.options.key === undefined) return error;
  const key = keys[wireKeys.indexOf(error.options.key)];
  return new DriverError(error.code, error.message, { ...error.options, key });
}
