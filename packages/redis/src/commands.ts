import { createHash } from 'node:crypto';
import { DriverError, type Found, type Stored, sendParts, underKey } from '@ninefold/core';
import { Refusal } from './failures.ts';
import { INCR, SET_MANY } from './scripts.ts';
import type { Argument, CallState, Sender } from './sender.ts';
import { UsableCommands } from './usable-commands.ts';

export type Entry = readonly [key: string, value: Stored];

const INCR_SHA: string = createHash('sha1').update(INCR).digest('hex');

/**
 * Runs each operation, on keys that may share a command. If the user may not run that command, or a cluster is moving the
 * keys, the operation falls back to one command for each key.
 */
export class Commands {
  readonly #sender: Sender;
  readonly #usable: UsableCommands;
  #incrLoaded = false;

  constructor(sender: Sender) {
    this.#sender = sender;
    this.#usable = new UsableCommands(sender);
  }

  async get(key: string, call: CallState): Promise<Found> {
    try {
      return await this.#send(call, 'get', [key], toFound);
    } catch (error) {
      // A key of another type holds no cache value: it is a miss, as for MGET.
      if (error instanceof Refusal && error.kind === 'WRONGTYPE') return undefined;
      throw error;
    }
  }

  async getMany(keys: readonly string[], call: CallState): Promise<readonly Found[]> {
    const fallback = (): Promise<readonly Found[]> => sendParts(keys, (key) => this.get(key, call));
    if (keys.length === 1 || !this.#usable.has('mget')) return await fallback();
    try {
      const values = await this.#send(call, 'mget', [...keys], (reply) => toList(reply, keys.length));
      return values.map((value, at) => toFoundAmong(value, keys[at]));
    } catch (error) {
      if (!isRecoverable(error)) throw underKey(error, keys[0]);
      if (error.command === 'mget') this.#usable.refuse('mget');
      return await fallback();
    }
  }

  async exists(key: string, call: CallState): Promise<boolean> {
    return (await this.#send(call, 'exists', [key], toInteger)) === 1;
  }

  /** Resolves how many keys there were. `DEL`, the fallback, differs only in freeing the memory synchronously. */
  async delete(keys: readonly string[], call: CallState): Promise<number> {
    const fallback = async (): Promise<number> => {
      if (keys.length === 1) return await this.#send(call, 'del', [...keys], toInteger);
      const counts = await sendParts(keys, (key) => this.delete([key], call));
      return counts.reduce((sum, count) => sum + count, 0);
    };
    return await this.#withFallback('unlink', fallback, () => this.#send(call, 'unlink', [...keys], toInteger));
  }

  async set([key, value]: Entry, ttlMs: number | undefined, call: CallState): Promise<void> {
    await this.#send(call, 'set', ttlMs === undefined ? [key, value] : [key, value, 'PX', ttlMs], assertOk);
  }

  async setMany(entries: readonly Entry[], ttlMs: number | undefined, call: CallState): Promise<void> {
    const fallback = async (): Promise<void> => {
      await sendParts(entries, (entry) => this.set(entry, ttlMs, call));
    };
    if (entries.length === 1) return await fallback();
    const [[key]] = entries as readonly [Entry];
    const send = (name: string, args: Argument[]): Promise<void> => this.#send(call, name, args, assertOk, key);
    if (ttlMs === undefined) return await this.#withFallback('mset', fallback, () => send('mset', pairsOf(entries)));
    void this.#usable.probe(key, call);
    if (this.#usable.has('msetex'))
      return await this.#withFallback('msetex', fallback, () =>
        send('msetex', [entries.length, ...pairsOf(entries), 'PX', ttlMs]),
      );
    await this.#withFallback('eval', fallback, () => send('eval', scriptOf(entries, ttlMs)));
  }

  async incr(key: string, delta: number, ttlMs: number | undefined, call: CallState): Promise<number> {
    const args = ttlMs === undefined ? [1, key, delta] : [1, key, delta, ttlMs];
    // The first EVAL loads the script, which takes no extra round trip.
    const load = async (): Promise<number> => {
      const count = await this.#send(call, 'eval', [INCR, ...args], toInteger, key);
      this.#incrLoaded = true;
      return count;
    };
    if (!this.#incrLoaded) return await load();
    return await this.#withFallback('evalsha', load, () =>
      this.#send(call, 'evalsha', [INCR_SHA, ...args], toInteger, key),
    );
  }

  close(): void {
    this.#sender.close();
  }

  /** For a call that ended unsent it resolves `undefined`, but no caller sees what comes of it. */
  #send<T>(
    call: CallState,
    name: string,
    args: Argument[],
    read: (reply: unknown) => T,
    key: string = String(args[0]),
  ): Promise<T> {
    return this.#sender.send(call, { name, args, key, read }) as Promise<T>;
  }

  /** Runs an operation, or its fallback if the named command is not usable or was refused: then nothing was applied. */
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

/** Whether another command may succeed where this one was refused. */
function isRecoverable(error: unknown): error is Refusal {
  return error instanceof Refusal && RECOVERABLE.has(error.kind);
}

/** The same as `entries.flat()`, several times as fast. */
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
  return [SET_MANY, keys.length, ...keys, ...entries.map(([, value]) => value), ttlMs];
}

function assertOk(reply: unknown): void {
  // MSETEX replies with a number.
  if (reply !== 'OK' && Number(reply) !== 1) throw new DriverError('BACKEND', 'the reply is not OK');
}

/** The stored value, or `undefined` for a miss. */
function toFound(reply: unknown): Found {
  if (typeof reply === 'string') return reply;
  if (reply === null) return undefined;
  throw new DriverError('BACKEND', 'the reply is not a value');
}

/** A part of the reply to `MGET`. A proxy may put an error in place of a value. */
function toFoundAmong(reply: unknown, key: string | undefined): Found {
  if (!(reply instanceof Refusal)) return toFound(reply);
  if (reply.kind === 'WRONGTYPE') return undefined;
  throw underKey(reply, key);
}

/** The reply to `MGET`. */
function toList(reply: unknown, length: number): readonly unknown[] {
  if (Array.isArray(reply) && reply.length === length) return reply;
  throw new DriverError('BACKEND', 'the reply does not match the keys');
}

/** Scripts also reply with text, and so may a provided client. */
function toInteger(reply: unknown): number {
  const number = typeof reply === 'string' || typeof reply === 'number' ? Number(reply) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw new DriverError('BACKEND', 'the reply is not an integer');
  return number;
}
