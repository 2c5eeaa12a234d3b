import { setTimeout as sleep } from 'node:timers/promises';
import { type Call, DriverError } from '@ninefold/core';
import { failureOf, unconnected } from './failures.ts';

/** What is needed of a client that is handed in: one of redis 5 or 6 has it. */
export interface RedisClient {
  sendCommand(args: readonly string[], options?: { readonly typeMapping: object }): Promise<unknown>;
}

/** What is needed of a client of our own. */
export interface OwnClient extends RedisClient {
  readonly isOpen: boolean;
  readonly options: {
    readonly socket?: { readonly tls?: boolean } | undefined;
    readonly credentialsProvider?: unknown;
    readonly database?: number | undefined;
  };
  connect(): Promise<unknown>;
  destroy(): void;
  ref(): void;
  unref(): void;
  on(event: 'error', listener: (error: unknown) => void): unknown;
}

export interface Sender {
  /** Sends a command, once; rejects with a `DriverError`. Resolves `undefined` for a call that has ended unsent. */
  send(call: Call, args: readonly string[]): Promise<unknown>;
  close(): void;
}

/** Milliseconds after the deadline of a call before a silent connection is given up: the call itself says `TIMEOUT`. */
const SILENCE_MS = 100;

/** Milliseconds from one attempt to connect to the next: a server that refuses is not asked by each call. */
const RETRY_MS = 50;

/** Texts and numbers as they are, whatever the client makes of them for others. */
const PLAIN = { typeMapping: {} };

/** A client that the caller made and closes, with settings of its own. */
export class Borrowed implements Sender {
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  async send(_call: Call, args: readonly string[]): Promise<unknown> {
    try {
      return await this.#client.sendCommand(args, PLAIN);
    } catch (error) {
      throw failureOf(error);
    }
  }

  close(): void {
    // Its owner's to close.
  }
}

/**
 * Connections of our own, one at a time: what fails or falls silent is given up, and the next call makes another. So does
 * one after the server said that it is a replica: the address may lead to another server by now.
 */
export class Connection implements Sender {
  readonly #create: () => OwnClient;
  readonly #silenceMs: number;
  /** The present one, and those that were left and still owe answers. */
  readonly #links = new Set<Link>();
  #link: Link | undefined;
  /** When the last attempt to connect began or begins, on the clock of `performance.now()`. */
  #openedAt = Number.NEGATIVE_INFINITY;

  constructor(create: () => OwnClient, timeoutMs: number) {
    this.#create = create;
    this.#silenceMs = timeoutMs + SILENCE_MS;
  }

  async send(call: Call, args: readonly string[]): Promise<unknown> {
    this.#link ??= this.#open();
    const link = this.#link;
    call.sent = false;
    await link.connected;
    // Whoever has given up must not be sent for.
    if (call.ended) return undefined;
    call.sent = true;
    try {
      return await link.send(args);
    } catch (error) {
      if (error instanceof DriverError && error.options.cause?.code === 'READONLY') {
        this.#forget(link);
        link.leave();
      }
      throw error;
    }
  }

  close(): void {
    for (const link of this.#links) link.end(new Error('closed'));
  }

  #open(): Link {
    const now = performance.now();
    this.#openedAt = Math.max(now, this.#openedAt + RETRY_MS);
    const link: Link = new Link(this.#create(), this.#openedAt - now, this.#silenceMs, () => {
      this.#links.delete(link);
      this.#forget(link);
    });
    this.#links.add(link);
    return link;
  }

  #forget(link: Link): void {
    if (this.#link === link) this.#link = undefined;
  }
}

class Link {
  readonly connected: Promise<void>;
  readonly #client: OwnClient;
  readonly #silenceMs: number;
  readonly #ended: () => void;
  /** Whether it is without TLS, and nothing was answered on it yet. */
  #mute: boolean;
  #over = false;
  #endedBy: unknown;
  #left = false;
  #fail: (error: unknown) => void = () => undefined;
  /** Answers that are awaited, that of connecting among them. */
  #awaited = 0;
  /** When the server last had nothing to answer, or answered. */
  #heard = 0;
  #watch: ReturnType<typeof setTimeout> | undefined;

  constructor(client: OwnClient, waitMs: number, silenceMs: number, ended: () => void) {
    this.#client = client;
    this.#silenceMs = silenceMs;
    this.#ended = ended;
    // Also for what the client cannot make sense of: the answers after it would be taken for those of other commands.
    client.on('error', (error) => this.end(error));
    // A connection that is being made the client does not end: until then it holds no process.
    client.unref();
    const { socket, credentialsProvider, database = 0 } = client.options;
    const secure = socket?.tls === true;
    // To be ready, it was answered what these make it send.
    const greets = credentialsProvider !== undefined || database !== 0;
    this.#mute = !secure && !greets;
    this.connected = new Promise((resolve, reject) => {
      this.#fail = (error) => reject(unconnected(error, { secure }));
      this.#answer(this.#connect(waitMs)).then(
        () => {
          if (this.#over) {
            client.destroy();
            return;
          }
          client.ref();
          resolve();
        },
        (error) => this.end(error),
      );
    });
  }

  async send(args: readonly string[]): Promise<unknown> {
    try {
      return await this.#answer(this.#client.sendCommand(args, PLAIN));
    } catch (error) {
      throw failureOf(error, { mute: this.#mute, endedBy: this.#endedBy });
    } finally {
      // A refusal is an answer, too.
      this.#mute &&= this.#over;
    }
  }

  async #connect(waitMs: number): Promise<void> {
    if (waitMs > 0) await sleep(waitMs);
    if (!this.#over) await this.#client.connect();
  }

  /** Ends it once all that was sent on it is answered. */
  leave(): void {
    this.#left = true;
    if (this.#awaited === 0) this.end(new Error('left'));
  }

  end(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#endedBy = error;
    this.#ended();
    this.#fail(error);
    if (this.#client.isOpen) this.#client.destroy();
  }

  async #answer<T>(answer: Promise<T>): Promise<T> {
    if (this.#awaited === 0) this.#heard = performance.now();
    this.#awaited += 1;
    if (this.#watch === undefined) this.#watchFor(this.#silenceMs);
    try {
      return await answer;
    } finally {
      this.#awaited -= 1;
      this.#heard = performance.now();
      if (this.#left) this.leave();
    }
  }

  #watchFor(milliseconds: number): void {
    // Where the event loop stood still, timers come before what was received meanwhile: that has one turn first, and then the
    // calls whose deadlines have passed have theirs.
    this.#watch = setTimeout(() => setImmediate(() => setTimeout(() => this.#look(), 0)), milliseconds);
    this.#watch.unref();
  }

  #look(): void {
    this.#watch = undefined;
    if (this.#awaited === 0 || this.#over) return;
    const left = this.#heard + this.#silenceMs - performance.now();
    if (left > 0) this.#watchFor(left);
    else this.end(new Error('the server fell silent'));
  }
}
