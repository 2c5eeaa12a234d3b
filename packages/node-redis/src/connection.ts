import { setTimeout as sleep } from 'node:timers/promises';
import { type Call, DriverError } from '@ninefold/core';
import { commandFailure, connectionFailure } from './failures.ts';

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
const LATENESS_MS = 100;

/** Milliseconds from one attempt to connect to the next: a server that refuses is not asked by each call. */
const RETRY_MS = 50;

/** Texts and numbers as they are, whatever the client makes of them for others. */
const PLAIN = { typeMapping: {} };

/** A client that the caller made and closes, with settings of its own. */
export class ProvidedClient implements Sender {
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  async send(_call: Call, args: readonly string[]): Promise<unknown> {
    try {
      return await this.#client.sendCommand(args, PLAIN);
    } catch (error) {
      throw commandFailure(error);
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
    this.#silenceMs = timeoutMs + LATENESS_MS;
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
        link.drain();
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
  readonly #onEnd: () => void;
  /** Whether it is without TLS, and nothing was answered on it yet. */
  #unanswered: boolean;
  #ended = false;
  #connectionError: unknown;
  #draining = false;
  #fail: (error: unknown) => void = () => undefined;
  /** Answers that are awaited, that of connecting among them. */
  #inFlight = 0;
  /** When the server last had nothing to answer, or answered. */
  #lastReplyAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: OwnClient, waitMs: number, silenceMs: number, onEnd: () => void) {
    this.#client = client;
    this.#silenceMs = silenceMs;
    this.#onEnd = onEnd;
    // Also for what the client cannot make sense of: the answers after it would be taken for those of other commands.
    client.on('error', (error) => this.end(error));
    // A connection that is being made the client does not end: until then it holds no process.
    client.unref();
    const { socket, credentialsProvider, database = 0 } = client.options;
    const secure = socket?.tls === true;
    // To be ready, it was answered what these make it send.
    const greets = credentialsProvider !== undefined || database !== 0;
    this.#unanswered = !secure && !greets;
    this.connected = new Promise((resolve, reject) => {
      this.#fail = (error) => reject(connectionFailure(error, { secure }));
      this.#awaitReply(this.#connect(waitMs)).then(
        () => {
          if (this.#ended) {
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
      return await this.#awaitReply(this.#client.sendCommand(args, PLAIN));
    } catch (error) {
      throw commandFailure(error, { unanswered: this.#unanswered, connectionError: this.#connectionError });
    } finally {
      // A refusal is an answer, too.
      this.#unanswered &&= this.#ended;
    }
  }

  async #connect(waitMs: number): Promise<void> {
    if (waitMs > 0) await sleep(waitMs);
    if (!this.#ended) await this.#client.connect();
  }

  /** Ends it once all that was sent on it is answered. */
  drain(): void {
    this.#draining = true;
    if (this.#inFlight === 0) this.end(new Error('drained'));
  }

  end(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#connectionError = error;
    this.#onEnd();
    this.#fail(error);
    if (this.#client.isOpen) this.#client.destroy();
  }

  async #awaitReply<T>(answer: Promise<T>): Promise<T> {
    if (this.#inFlight === 0) this.#lastReplyAt = performance.now();
    this.#inFlight += 1;
    if (this.#timer === undefined) this.#checkAfter(this.#silenceMs);
    try {
      return await answer;
    } finally {
      this.#inFlight -= 1;
      this.#lastReplyAt = performance.now();
      if (this.#draining) this.drain();
    }
  }

  #checkAfter(milliseconds: number): void {
    // Where the event loop stood still, timers come before what was received meanwhile: that has one turn first, and then the
    // calls whose deadlines have passed have theirs.
    this.#timer = setTimeout(() => setImmediate(() => setTimeout(() => this.#checkSilence(), 0)), milliseconds);
    this.#timer.unref();
  }

  #checkSilence(): void {
    this.#timer = undefined;
    if (this.#inFlight === 0 || this.#ended) return;
    const left = this.#lastReplyAt + this.#silenceMs - performance.now();
    if (left > 0) this.#checkAfter(left);
    else this.end(new Error('the server fell silent'));
  }
}
