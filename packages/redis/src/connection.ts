import { setImmediate as turn } from 'node:timers/promises';
import { Command as ClientCommand, type Redis } from 'ioredis';
import { Corking } from './corking.ts';
import { commandFailure, connectionFailure, Refusal } from './failures.ts';
import { ReplyWatchdog } from './reply-watchdog.ts';
import type { CallState, Command, Sender } from './sender.ts';

/** Milliseconds between the deadline of a call, when it rejects `TIMEOUT`, and giving up its connection. */
const LATENESS_MS = 100;
/**
 * Minimum milliseconds between the end of a connection and the next, and between two that are given up for their server's
 * role: calls do not hammer a server.
 */
const RETRY_MS = 50;

/** `client.call` makes the same of a command, but takes a hundredth of a local round trip more. */
const REPLY_TEXT = { replyEncoding: 'utf8' } as const;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A connection that this package creates. Calls wait for it within their deadlines, in order, and are sent once. */
export class Connection implements Sender {
  readonly mayProbe = true;
  readonly #createClient: () => Redis;
  readonly #timeoutMs: number;
  readonly #corking = new Corking();
  /** Created on first use, because it makes timers and random numbers. */
  #client: Redis | undefined;
  /**
   * Never does anything. Node lists timers by their duration: with this one, the timer of a lone call joins a list, which need
   * not be created and dropped for it. That takes a thirtieth of a local round trip.
   */
  #idleTimer: ReturnType<typeof setInterval> | undefined;
  /** Clients that were late, or whose server is no longer a primary. Commands sent on them may still be answered. */
  readonly #draining = new Set<Redis>();
  #waiters: Waiter[] = [];
  /** The error with which the last attempt to connect failed, or the connection ended. */
  #failure: unknown;
  /** Whether the client's handshake is complete: logged in, and in the right database. */
  #open = false;
  #closed = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** When a connection last ended or was given up, on the clock of `performance.now()`. */
  #endedAt = Number.NEGATIVE_INFINITY;
  /** Watches the present socket. */
  #watchdog: ReplyWatchdog | undefined;

  constructor(timeoutMs: number, createClient: () => Redis) {
    this.#timeoutMs = timeoutMs;
    this.#createClient = createClient;
  }

  get ready(): boolean {
    return this.#open && this.#client?.status === 'ready';
  }

  send(call: CallState, command: Command): Promise<unknown> {
    const client = this.#client;
    if (client === undefined || !this.ready) return this.#sendOnceReady(call, command);
    return this.#write(client, call, command);
  }

  /** Sends a command, behind `ASKING`, to the node of a cluster that is importing the slot of its key. */
  async sendAsking(call: CallState, command: Command): Promise<unknown> {
    const client = await this.#whenReady();
    const [asking, reply] = await Promise.allSettled([
      this.#write(client, call, { name: 'asking', args: [], key: command.key }),
      this.#write(client, call, command),
    ]);
    // A node that refuses ASKING may own the slot by now, and have run the command.
    if (reply.status === 'fulfilled') return reply.value;
    throw asking.status === 'rejected' ? asking.reason : reply.reason;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#idleTimer);
    this.#client?.disconnect();
    for (const client of this.#draining) client.disconnect();
    this.#settleWaiters(({ reject }) => reject(connectionFailure(undefined)));
  }

  async #sendOnceReady(call: CallState, command: Command): Promise<unknown> {
    const client = await this.#whenReady();
    return await this.#write(client, call, command);
  }

  async #write(client: Redis, call: CallState, { name, args }: Command): Promise<unknown> {
    // A call that ended while it waited for the connection must not be sent.
    if (call.ended) return undefined;
    call.sent = true;
    const watchdog = this.#watchdog;
    watchdog?.sent();
    this.#corking.cork(client.stream, args.length);
    try {
      return await client.sendCommand(new ClientCommand(name, args, REPLY_TEXT));
    } catch (error) {
      const failure = commandFailure(error, {
        connectionError: client === this.#client ? this.#failure : undefined,
        client,
      });
      // Not if it has just replaced another: callers may go on writing to a replica.
      if (failure instanceof Refusal && failure.kind === 'READONLY' && performance.now() - this.#endedAt >= RETRY_MS)
        this.#drain(client);
      // Between the failure of a socket and the event of its end, ioredis rejects commands at once. Without a turn, callers that
      // repeat them would put that event off for ever.
      if (failure.options.connectionLost === true) await turn();
      throw failure;
    } finally {
      this.#corking.answered();
      watchdog?.answered();
    }
  }

  async #whenReady(): Promise<Redis> {
    // After `close`, the fallback of an operation may still try to send, and would connect again.
    if (this.#closed) throw connectionFailure(undefined);
    this.#client ??= this.#startClient();
    const client = this.#client;
    if (this.ready) return client;
    return await new Promise((resolve, reject) => {
      this.#waiters.push({ resolve: () => resolve(client), reject });
      if (client.status === 'wait') this.#connect(client);
      else if (client.status === 'end')
        this.#retry ??= setTimeout(
          () => this.#connect(client),
          Math.max(0, this.#endedAt + RETRY_MS - performance.now()),
        );
    });
  }

  /** The client's events report the outcome. */
  #connect(client: Redis): void {
    this.#retry = undefined;
    if (!this.#closed) client.connect().catch(() => undefined);
  }

  /** The client keeps its calls and may still answer them. Once it is late while draining, no call waits for it any more. */
  #giveUp(client: Redis): void {
    if (this.#client !== client) client.disconnect();
    else if (this.#open) this.#drain(client);
    // During the handshake: the waiting calls reject, and the next one connects again.
    else client.disconnect();
  }

  /** Another server may be the primary by now: the next call resolves the host name or asks the sentinels again. */
  #drain(client: Redis): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#open = false;
    this.#endedAt = performance.now();
    this.#draining.add(client);
    client.once('end', () => {
      this.#draining.delete(client);
      // Its connection has ended. This also stops its failover detector, which still watches the sentinels.
      client.disconnect();
    });
    this.#watchdog?.sent();
    client.quit().catch(() => client.disconnect());
  }

  #startClient(): Redis {
    this.#idleTimer ??= setInterval(idle, this.#timeoutMs).unref();
    const client = this.#createClient();
    client.on('error', (error: unknown) => {
      // The error of a draining client says nothing about its successor.
      if (this.#client === client) this.#failure = error;
    });
    // The handshake before the first command is owed replies, too.
    client.on('connect', () => {
      this.#failure = undefined;
      this.#watchdog = new ReplyWatchdog(client.stream, this.#timeoutMs + LATENESS_MS, () => this.#giveUp(client));
      this.#watchdog.sent();
    });
    client.on('ready', () => {
      this.#watchdog?.answered();
      // If the user may not select the database, ioredis would go on in database 0.
      this.#open = this.#failure === undefined;
      if (this.#open) this.#settleWaiters(({ resolve }) => resolve());
      else client.disconnect();
    });
    client.on('end', () => {
      if (this.#client !== client) return;
      this.#open = false;
      this.#endedAt = performance.now();
      this.#settleWaiters(({ reject }) => reject(connectionFailure(this.#failure, client)));
    });
    return client;
  }

  #settleWaiters(settle: (waiter: Waiter) => void): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) settle(waiter);
  }
}

/** Not a closure of a method: the timer of a backend that is dropped without `close` would keep it in memory. */
function idle(): undefined {
  return undefined;
}
