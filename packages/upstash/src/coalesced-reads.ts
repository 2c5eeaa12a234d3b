import { type Call, DriverError, type Found, sendParts } from '@ninefold/core';
import { Coalescer, halves, MAX_HALVINGS } from './coalescer.ts';
import type { Command, CommandSender } from './command-sender.ts';
import { LargeKeys } from './large-keys.ts';
import { expectCount, expectFound, expectList, isTooLarge } from './results.ts';
import { inRequests, jsonBytes, MAX_REQUEST_BYTES } from './sizes.ts';

/** Keys in one coalesced request. */
const MAX_KEYS = 1000;
/** Keys of a batch that is coalesced: the response to a larger one would delay the other reads. */
const MAX_COALESCED_KEYS = 64;

/** Limits of one request. */
const LIMITS = { maxItems: MAX_KEYS, maxBytes: MAX_REQUEST_BYTES, bytesOf };

interface Read {
  readonly kind: 'values' | 'exists';
  /** One key, whose result is the value or count, or the keys of a small batch, whose result is a list. */
  readonly keys: string | readonly string[];
  readonly call: Call;
}

/** Coalesces the reads of one tick, including small batches. Values known to be large are read in their own requests. */
export class CoalescedReads {
  readonly #sender: CommandSender;
  readonly #large = new LargeKeys();
  readonly #coalescer = new Coalescer<Read, unknown>(LIMITS, (reads) => this.#send(reads));
  /** Coalesces reads into one request with an MGET for each. */
  readonly #apart = new Coalescer<Read, unknown>(LIMITS, (reads) => this.#sendApart(reads));

  constructor(sender: CommandSender) {
    this.#sender = sender;
  }

  async get(key: string, call: Call): Promise<Found> {
    if (this.#large.has(key)) return (await this.#read([[key]], call))[0];
    // The common case avoids `#read`: through it, a thousand reads of one tick take half as long again.
    return this.#valueOf(key, await this.#coalescer.add({ kind: 'values', keys: key, call }));
  }

  getMany(keys: readonly string[], call: Call): Promise<readonly Found[]> {
    return this.#read(inRequests(keys, jsonBytes).parts, call);
  }

  async exists(key: string, call: Call): Promise<boolean> {
    return expectCount(await this.#coalescer.add({ kind: 'exists', keys: key, call }), 1) === 1;
  }

  /** A part that is too large is read in halves, at most `halvings` times. Halves are never coalesced. */
  async #read(parts: readonly (readonly string[])[], call: Call, halvings = MAX_HALVINGS): Promise<readonly Found[]> {
    const values = await sendParts(parts, async (keys) => {
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
    return expectList(result, keys.length).map((each, index) => this.#valueOf(keys[index] as string, each));
  }

  #valueOf(key: string, result: unknown): Found {
    const value = expectFound(result);
    this.#large.weigh(key, value);
    return value;
  }

  /** Sends one request: one MGET for all values, and one EXISTS for each `exists`. */
  async #send(reads: readonly Read[]): Promise<readonly unknown[]> {
    const gets = reads.filter(({ kind }) => kind === 'values');
    const exists = keysOf(reads.filter(({ kind }) => kind === 'exists'));
    const mgets = gets.length === 0 ? [] : [mget(keysOf(gets))];
    const results = await this.#sender.send([...mgets, ...exists.map(has)], callsOf(reads));
    const values = this.#resultsOf(gets, results[0]).values();
    const counts = results.slice(mgets.length).values();
    return reads.map(({ kind }) => (kind === 'values' ? values : counts).next().value);
  }

  /** The result of each read, from that of one MGET of all their keys. It may be a promise. */
  #resultsOf(gets: readonly Read[], result: unknown): readonly unknown[] {
    // Values too large together, or one key that the token may not read, must not fail the other reads.
    if (gets.length > 1 && isTooLarge(result)) throw result;
    const isRefused = result instanceof DriverError && result.code === 'AUTH';
    if (gets.length < 2 || !isRefused) return split(result, gets);
    // A call that has rejected is never sent again.
    return gets.map((get) => (get.call.ended ? result : this.#apart.add(get)));
  }

  async #sendApart(reads: readonly Read[]): Promise<readonly unknown[]> {
    const mgets = reads.map((read) => mget(keysOf([read])));
    const results = await this.#sender.send(mgets, callsOf(reads));
    return reads.flatMap((read, index) => split(results[index], [read]));
  }
}

/** Splits the list of all values, or gives each read the error instead. */
function split(result: unknown, gets: readonly Read[]): readonly unknown[] {
  try {
    const values = expectList(result, keysOf(gets).length);
    let at = 0;
    return gets.map(({ keys }) => {
      if (typeof keys === 'string') return values[at++];
      at += keys.length;
      return values.slice(at - keys.length, at);
    });
  } catch (error) {
    return gets.map(() => error);
  }
}

function keysOf(reads: readonly Read[]): string[] {
  const all: string[] = [];
  // `flatMap` takes several times as long.
  for (const { keys } of reads) {
    if (typeof keys === 'string') all.push(keys);
    else all.push(...keys);
  }
  return all;
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

/** Bytes in a request, rounded up so that `MAX_REQUEST_BYTES` is never more than `MAX_KEYS` keys. */
function bytesOf({ keys }: Pick<Read, 'keys'>): number {
  if (typeof keys === 'string') return Math.max(jsonBytes(keys), MAX_REQUEST_BYTES / MAX_KEYS);
  return keys.reduce((bytes, key) => bytes + bytesOf({ keys: key }), 0);
}
