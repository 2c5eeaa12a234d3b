import { type Call, DriverError, type Found, LargeKeys, sendParts } from '@ninefold/core';
import { Coalescer, halves, MAX_HALVINGS } from './coalescer.ts';
import type { Command, CommandSender } from './command-sender.ts';
import { expectCount, expectFound, expectList, isTooLarge } from './results.ts';
import { inRequests, jsonBytes, MAX_REQUEST_BYTES } from './sizes.ts';

/** Keys in one coalesced request. */
const MAX_KEYS = 1000;
/** Keys of a batch that is coalesced: the response to a larger one would delay the other reads. */
const MAX_COALESCED_KEYS = 64;

interface Read {
  readonly kind: 'values' | 'exists';
  readonly keys: readonly string[];
  readonly call: Call;
}

/** Coalesces the reads of one tick, including small batches. Values known to be large are read in their own requests. */
export class CoalescedReads {
  readonly #sender: CommandSender;
  readonly #large = new LargeKeys();
  readonly #coalescer = new Coalescer<Read, unknown>(
    { maxItems: MAX_KEYS, maxBytes: MAX_REQUEST_BYTES, bytesOf },
    (reads) => this.#send(reads),
  );

  constructor(sender: CommandSender) {
    this.#sender = sender;
  }

  async get(key: string, call: Call): Promise<Found> {
    const keys = [key];
    if (this.#large.has(key)) return (await this.#read([keys], call))[0];
    // The common case avoids `#read`: through it, a thousand reads of one tick take half as long again.
    return this.#valuesOf(keys, await this.#coalescer.add({ kind: 'values', keys, call }))[0];
  }

  getMany(keys: readonly string[], call: Call): Promise<readonly Found[]> {
    return this.#read(inRequests(keys, jsonBytes).parts, call);
  }

  async exists(key: string, call: Call): Promise<boolean> {
    return expectCount(await this.#coalescer.add({ kind: 'exists', keys: [key], call }), 1) === 1;
  }

  /** A part that is too large is read in halves, at most `halvings` times. Halves are never coalesced. */
  async #read(parts: readonly (readonly string[])[], call: Call, halvings = MAX_HALVINGS): Promise<readonly Found[]> {
    const values = await sendParts(parts, first, async (keys) => {
      const isCoalesced =
        halvings === MAX_HALVINGS && keys.length <= MAX_COALESCED_KEYS && !keys.some((key) => this.#large.has(key));
      try {
        if (isCoalesced) return this.#valuesOf(keys, await this.#coalescer.add({ kind: 'values', keys, call }));
        const [result] = await this.#sender.send([mget(keys)], [call]);
        return this.#valuesOf(keys, result);
      } catch (error) {
        if (halvings === 0 || keys.length === 1 || call.ended || !isTooLarge(error)) throw error;
        return await this.#read(halves(keys), call, halvings - 1);
      }
    });
    return values.flat();
  }

  #valuesOf(keys: readonly string[], result: unknown): readonly Found[] {
    return expectList(result, keys.length).map((each, index) => {
      const value = expectFound(each);
      this.#large.weigh(keys[index] as string, value);
      return value;
    });
  }

  /** Sends one request: one MGET for all values, and one EXISTS for each `exists`. */
  async #send(reads: readonly Read[]): Promise<readonly unknown[]> {
    const gets = reads.filter(({ kind }) => kind === 'values');
    const exists = reads.filter(({ kind }) => kind === 'exists').map(({ keys }) => keys[0] as string);
    const mgets = gets.length === 0 ? [] : [mget(gets.flatMap(({ keys }) => keys))];
    const results = await this.#sender.send([...mgets, ...exists.map(has)], callsOf(reads));
    const values = (await this.#split(results[0], gets)).values();
    const counts = results.slice(mgets.length).values();
    return reads.map(({ kind }) => (kind === 'values' ? values : counts).next().value);
  }

  /** Splits the result of one MGET into a result for each read. */
  async #split(result: unknown, gets: readonly Read[]): Promise<readonly unknown[]> {
    if (gets.length < 2) return [result];
    // Values too large together, or one key that the token may not read, must not fail the other reads.
    if (isTooLarge(result)) throw result;
    if (result instanceof DriverError && result.code === 'AUTH' && gets.some(({ call }) => !call.ended)) {
      const apart = gets.map(({ keys }) => mget(keys));
      return await this.#sender.send(apart, callsOf(gets));
    }
    try {
      const total = gets.reduce((sum, { keys }) => sum + keys.length, 0);
      const values = expectList(result, total).values();
      return gets.map(({ keys }) => keys.map(() => values.next().value));
    } catch (error) {
      return gets.map(() => error);
    }
  }
}

function callsOf(reads: readonly Read[]): readonly Call[] {
  return reads.map(({ call }) => call);
}

function mget(keys: readonly string[]): Command {
  return (pipeline) => pipeline.mget([...keys]);
}

function has(key: string): Command {
  return (pipeline) => pipeline.exists(key);
}

function first(keys: readonly string[]): string | undefined {
  return keys[0];
}

/** Bytes in a request, rounded up so that `MAX_REQUEST_BYTES` is never more than `MAX_KEYS` keys. */
function bytesOf({ keys }: Read): number {
  return keys.reduce((bytes, key) => bytes + Math.max(jsonBytes(key), MAX_REQUEST_BYTES / MAX_KEYS), 0);
}
