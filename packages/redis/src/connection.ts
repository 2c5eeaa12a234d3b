import type { Redis } from 'ioredis';
import { connectionFailure, connectionLost, Refusal } from './failures.ts';
import { Pipeline } from './pipeline.ts';
import { ReplyWatchdog } from './reply-watchdog.ts';
import { type CallState, type Command, type Sender, unread } from './sender.ts';
import { attemptMsOf } from './settings.ts';

/** Milliseconds between the deadline of a call, when it rejects `TIMEOUT`, and giving up its connection. */
const LATENESS_MS = 100;
/**
 * Minimum milliseconds between the end of a connection and the next, and between two that are given up for their server's
 * role: calls do not hammer a server.
 */
const RETRY_MS = 50;

interface Waiter {
  readonly resolve: (pipeline: Pipeline) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A connection that this package creates: an ioredis client makes it, and a pipeline of our own sends the commands. Calls wait
 * for it within their deadlines, in order, and are sent once.
 */
export class Connection implements Sender {
  readonly mayProbe = true;
  readonly #createClient: () => Redis;
  readonly #timeoutMs: number;
  /** Created on first use, because it makes timers and random numbers. */
  #client: Redis | undefined;
  /** Set while the client is connected, logged in, and in the right database. */
  #pipeline: Pipeline | undefined;
  /**
   * Never does anything. Node lists timers by their duration: with this one, the timer of a lone call joins a list, which need
   * not be created and dropped for it. That takes a thirtieth of a local round trip.
   */
  #idleTimer: ReturnType<typeof setInterval> | undefined;
  /** Clients that were late or silent, or whose server is no longer a primary. Commands sent on them may still be answered. */
  readonly #draining = new Set<Redis>();
  #waiters: Waiter[] = [];
  #closed = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** When a connection last ended or was given up, on the clock of `performance.now()`. */
  #endedAt = Number.NEGATIVE_INFINITY;

  constructor(timeoutMs: number, createClient: () => Redis) {
    this.#timeoutMs = timeoutMs;
    this.#createClient = createClient;
  }

  send<T>(call: CallState, command: Command<T>): Promise<T | undefined> {
    const pipeline = this.#pipeline;
    return pipeline?.writable ? write(pipeline, call, command) : this.#sendOnceReady(call, command);
  }

  /** Sends a command, behind `ASKING`, to the node of a cluster that is importing the slot of its key. */
  async sendAsking<T>(call: CallState, command: Command<T>): Promise<T | undefined> {
    const pipeline = await this.#whenReady();
    const asking = write(pipeline, call, { name: 'asking', args: [], key: command.key, read: unread });
    asking.catch(() => undefined);
    try {
      // A node that refuses ASKING may own the slot by now, and run the command.
      return await write(pipeline, call, command);
    } catch (error) {
      // Its reply has come before. A lost connection may bring none.
      if (error instanceof Refusal) await asking;
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#idleTimer);
    clearTimeout(this.#retry);
    this.#client?.disconnect();
    for (const client of this.#draining) client.disconnect();
    this.#settleWaiters(({ reject }) => reject(connectionFailure(undefined)));
  }

  async #sendOnceReady<T>(call: CallState, command: Command<T>): Promise<T | undefined> {
    const pipeline = await this.#whenReady();
    return await write(pipeline, call, command);
  }

  async #whenReady(): Promise<Pipeline> {
    // After `close`, the fallback of an operation may still try to send, and would connect again.
    if (this.#closed) throw connectionFailure(undefined);
    const pipeline = this.#pipeline;
    if (pipeline?.writable) return pipeline;
    this.#client ??= this.#startClient();
    const client = this.#client;
    return await new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      if (client.status === 'wait') this.#connect(client);
      // Otherwise the end of the connection is still to be reported.
      else if (client.status === 'end' && pipeline === undefined) this.#connectAgain(client);
    });
  }

  #connectAgain(client: Redis): void {
    this.#retry ??= setTimeout(() => this.#connect(client), Math.max(0, this.#endedAt + RETRY_MS - performance.now()));
  }

  /** The client's events report the outcome. */
  #connect(client: Redis): void {
    this.#retry = undefined;
    client.connect().catch(() => undefined);
  }

  /** Another server may be the primary by now: the next call resolves the host name or asks the sentinels again. */
  #drain(client: Redis, pipeline: Pipeline): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#pipeline = undefined;
    this.#endedAt = performance.now();
    this.#draining.add(client);
    // This also stops its failover detector, which still watches the sentinels.
    const disconnect = () => client.disconnect();
    client.once('end', () => {
      this.#draining.delete(client);
      disconnect();
    });
    // The reply comes after those of all calls.
    pipeline.send({ name: 'quit', args: [], read: unread }).then(disconnect, disconnect);
  }

  #startClient(): Redis {
    this.#idleTimer ??= setInterval(idle, this.#timeoutMs).unref();
    const client = this.#createClient();
    /** The error with which the last attempt to connect failed, or the connection ended. */
    let failure: unknown;
    let handshake: ReplyWatchdog | undefined;
    let pipeline: Pipeline | undefined;
    client.on('error', (error: unknown) => {
      failure = error;
    });
    client.on('connect', () => {
      failure = undefined;
      // Node waits until everything is written, which a server that is gone may never let happen.
      client.stream.once('end', () => client.stream.destroy());
      // If its replies are late, the waiting calls reject, and the next one connects again.
      const limitMs = attemptMsOf(this.#timeoutMs) + LATENESS_MS;
      const giveUp = (): unknown => client.stream.destroy(new Error('the handshake takes too long'));
      handshake = new ReplyWatchdog(client.stream, limitMs, { onSilent: giveUp, onLate: giveUp });
      handshake.sent();
    });
    client.on('ready', () => {
      handshake?.answered();
      // If the user may not select the database, ioredis would go on in database 0.
      if (failure !== undefined) {
        client.disconnect();
        return;
      }
      let givenUpAt = Number.NEGATIVE_INFINITY;
      const onLate = (): void => {
        if (this.#client === client) {
          this.#drain(client, opened);
          givenUpAt = performance.now();
          // The server may only be slow: calls may still be answered before their deadlines.
        } else if (performance.now() - givenUpAt >= this.#timeoutMs) client.disconnect();
      };
      const onSilent = (): void => {
        onLate();
        opened.failReads(connectionLost(undefined));
      };
      const watchdog = new ReplyWatchdog(client.stream, this.#timeoutMs + LATENESS_MS, { onSilent, onLate });
      const opened = new Pipeline(client.stream, watchdog, (refusal) => {
        // Not if it has just replaced another: callers may go on writing to a replica.
        if (refusal.kind === 'READONLY' && performance.now() - this.#endedAt >= RETRY_MS) this.#drain(client, opened);
      });
      pipeline = opened;
      this.#pipeline = opened;
      // If a failover ended the socket during its handshake, the calls wait for the next one.
      if (opened.writable) this.#settleWaiters(({ resolve }) => resolve(opened));
    });
    client.on('end', () => {
      pipeline?.fail(connectionLost(failure, client));
      const wasOpen = pipeline !== undefined;
      pipeline = undefined;
      if (this.#client !== client) return;
      this.#pipeline = undefined;
      this.#endedAt = performance.now();
      // Calls that came after the connection failed wait for the next one.
      if (!wasOpen) this.#settleWaiters(({ reject }) => reject(connectionFailure(failure, client)));
      else if (this.#waiters.length > 0) this.#connectAgain(client);
    });
    return client;
  }

  #settleWaiters(settle: (waiter: Waiter) => void): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) settle(waiter);
  }
}

/** A call that ended while it waited for the connection must not be sent. */
function write<T>(pipeline: Pipeline, call: CallState, command: Command<T>): Promise<T | undefined> {
  if (call.ended) return Promise.resolve(undefined);
  call.sent = true;
  return pipeline.send(command);
}

/** Not a closure of a method: the timer of a backend that is dropped without `close` would keep it in memory. */
function idle(): undefined {
  return undefined;
}
