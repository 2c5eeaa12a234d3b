import { createHash } from 'node:crypto';
import { DriverError, type Found, type Stored, sendParts } from '@ninefold/core';
import { Refusal } from './failures.ts';
import { INCR, SET_ALL } from './scripts.ts';
import type { Argument, CallState, Sender } from './sender.ts';
import { UsableCommands } from './usable-commands.ts';

export type Entry = readonly [key: string, value: Stored];

const INCR_SHA: string = createHash('sha1').update(INCR).digest('hex');

/**
 * The commands of each operation for keys that may share one, and what takes their place where the user may not run them
 * or a cluster is just moving the keys: the same, key by key.
 */
export class Commands {
  readonly #sender: Sender;
  readonly #usable: UsableCommands;
  #incrLoaded = false;

  constructor(sender: Sender) {
    this.#sender = sender;
    this.#usable = new UsableCommands(sender);
  }

  get ready(): boolean {
    return this.#sender.ready;
  }

  async get(key: string, call: CallState): Promise<Found> {
    try {
      return toFound(await this.#send(call, 'GET', [key]));
    } catch (error) {
      // Of another type: no value of a cache, and so a miss, as MGET has it.
      if (error instanceof Refusal && error.kind === 'WRONGTYPE') return undefined;
      throw error;
    }
  }

  /** `fallback` is what takes its place: by default the keys one by one, of which the first that fails fails all. */
  async getMany(
    keys: readonly string[],
    call: CallState,
    fallback = (): Promise<readonly Found[]> => sendParts(keys, identity, (key) => this.get(key, call)),
  ): Promise<readonly Found[]> {
    if (keys.length === 1) return await fallback();
    return await this.#withFallback('MGET', fallback, async () => {
      const answer = await this.#send(call, 'MGET', [...keys]);
      if (Array.isArray(answer) && answer.length === keys.length) return answer.map(toFound);
      throw new DriverError('BACKEND', 'the server answered what are no values of the keys');
    });
  }

  async exists(key: string, call: CallState): Promise<boolean> {
    return toInteger(await this.#send(call, 'EXISTS', [key])) === 1;
  }

  /** How many there were. `DEL` says the same, and frees the memory at once. */
  async delete(keys: readonly string[], call: CallState): Promise<number> {
    const fallback = async (): Promise<number> => {
      if (keys.length === 1) return toInteger(await this.#send(call, 'DEL', [...keys]));
      const counts = await sendParts(keys, identity, (key) => this.delete([key], call));
      return counts.reduce((sum, count) => sum + count, 0);
    };
    return await this.#withFallback('UNLINK', fallback, async () =>
      toInteger(await this.#send(call, 'UNLINK', [...keys])),
    );
  }

  async set([key, value]: Entry, ttlMs: number | undefined, call: CallState): Promise<void> {
    assertOk(await this.#send(call, 'SET', ttlMs === undefined ? [key, value] : [key, value, 'PX', ttlMs]));
  }

  /** `fallback` is what takes its place: by default the entries one by one, of which the first that fails fails all. */
  async setMany(
    entries: readonly Entry[],
    ttlMs: number | undefined,
    call: CallState,
    fallback = async (): Promise<void> => {
      await sendParts(entries, keyOf, (entry) => this.set(entry, ttlMs, call));
    },
  ): Promise<void> {
    if (entries.length === 1) return await fallback();
    const [[key]] = entries as readonly [Entry];
    const send = async (name: string, args: Argument[]): Promise<void> =>
      assertOk(await this.#sender.send(call, { name, args, key }));
    if (ttlMs === undefined) return await this.#withFallback('MSET', fallback, () => send('MSET', pairsOf(entries)));
    void this.#usable.probe(key, call);
    // Where one is refused the entries go separately, not all by the other: some of the calls that share it may have ended.
    if (this.#usable.has('MSETEX'))
      return await this.#withFallback('MSETEX', fallback, () =>
        send('MSETEX', [entries.length, ...pairsOf(entries), 'PX', ttlMs]),
      );
    await this.#withFallback('EVAL', fallback, () => send('EVAL', scriptOf(entries, ttlMs)));
  }

  async incr(key: string, delta: number, ttlMs: number | undefined, call: CallState): Promise<number> {
    const args = ttlMs === undefined ? [1, key, delta] : [1, key, delta, ttlMs];
    // The server learns the script by the first EVAL, which takes no round trip of its own.
    if (this.#incrLoaded && this.#usable.has('EVALSHA')) {
      try {
        return toInteger(await this.#sender.send(call, { name: 'EVALSHA', args: [INCR_SHA, ...args], key }));
      } catch (error) {
        if (!isRecoverable(error)) throw error;
        if (error.command === 'EVALSHA') this.#usable.refuse('EVALSHA');
      }
    }
    const answer = toInteger(await this.#sender.send(call, { name: 'EVAL', args: [INCR, ...args], key }));
    this.#incrLoaded = true;
    return answer;
  }

  close(): void {
    this.#sender.close();
  }

  #send(call: CallState, name: string, args: Argument[]): Promise<unknown> {
    return this.#sender.send(call, { name, args, key: String(args[0]) });
  }

  /** Runs what needs a command, or what does without where it cannot be used or was refused; nothing was applied then. */
  async #withFallback<T>(name: string, fallback: () => Promise<T>, run: () => Promise<T>): Promise<T> {
    if (!this.#usable.has(name)) return await fallback();
    try {
      return await run();
    } catch (error) {
      if (!isRecoverable(error)) throw error;
      if (error.command === name) this.#usable.refuse(name);
      return await fallback();
    }
  }
}

const RECOVERABLE = new Set(['UNKNOWN', 'NOPERM', 'TRYAGAIN', 'NOSCRIPT', 'CROSSSLOT']);

/** A refusal after which another command may do what this one did not. */
function isRecoverable(error: unknown): error is Refusal {
  return error instanceof Refusal && RECOVERABLE.has(error.kind);
}

function identity(key: string): string {
  return key;
}

function keyOf([key]: Entry): string {
  return key;
}

/** As `flat` has them, which takes a few times as long. */
function pairsOf(entries: readonly Entry[]): Argument[] {
  const list: Argument[] = new Array(2 * entries.length);
  let at = 0;
  for (const [key, value] of entries) {
    list[at++] = key;
    list[at++] = value;
  }
  return list;
}

function scriptOf(entries: readonly Entry[], ttlMs: number): Argument[] {
  const keys = entries.map(([key]) => key);
  return [SET_ALL, keys.length, ...keys, ...entries.map(([, value]) => value), ttlMs];
}

/** What is sent for a call that has ended is nothing, and its answer nobody's: then this throws into the void. */
function assertOk(answer: unknown): void {
  // The latter from `MSETEX`, which answers by numbers.
  if (answer !== 'OK' && Number(answer) !== 1) throw new DriverError('BACKEND', 'the server answered what is no OK');
}

/** A value as it is stored, or a miss. */
function toFound(answer: unknown): Found {
  if (typeof answer === 'string') return answer;
  if (answer === null) return undefined;
  throw new DriverError('BACKEND', 'the server answered what is no value');
}

/** Integers come as texts, so that none is rounded. */
function toInteger(answer: unknown): number {
  const number = typeof answer === 'string' || typeof answer === 'number' ? Number(answer) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw new DriverError('BACKEND', 'the server answered what is no integer');
  return number;
}
