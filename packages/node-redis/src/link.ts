import { setTimeout as sleep } from 'node:timers/promises';
import { afterTurn, commandFailure, connectionFailure, isErrorReply } from './failures.ts';
import { PLAIN, type RedisClient } from './sender.ts';

/** The parts of a client that this package creates and uses. */
export interface OwnClient extends RedisClient {
  readonly options: {
    readonly socket?: { readonly tls?: boolean } | undefined;
    readonly credentialsProvider?: unknown;
    readonly database?: number | undefined;
  };
  /** Whether it connects or is connected. */
  readonly isOpen: boolean;
  connect(): Promise<unknown>;
  destroy(): void;
  ref(): void;
  unref(): void;
  on(event: 'error', listener: (error: unknown) => void): unknown;
}

/** Milliseconds between the deadline of a call, when it rejects `TIMEOUT`, and giving up a silent connection. */
const LATENESS_MS = 100;

/**
 * Minimum milliseconds that an attempt to connect may take. With the deadline of calls that are answered in one round trip, no
 * connection to a distant server would ever be made, above all with TLS.
 */
const MIN_ATTEMPT_MS = 500;

/** The longest delay of a timer, in milliseconds. Node takes a longer one for 1, and warns. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Milliseconds that an attempt to connect may take. It goes on after the deadlines of the calls that wait for it. */
export function attemptMsOf(timeoutMs: number): number {
  return Math.max(timeoutMs, MIN_ATTEMPT_MS);
}

interface LinkListener {
  /** Called when no call may use the connection any more: when it drains, and when it ends. */
  readonly givenUp: () => void;
  readonly ended: () => void;
}

/** The commands that core sends again if their connection is lost. */
const READS: ReadonlySet<string | undefined> = new Set(['GET', 'MGET', 'EXISTS']);

/** One client with its socket, from connecting to its end. */
export class Link {
  readonly connected: Promise<void>;
  readonly #client: OwnClient;
  /** Milliseconds without a reply, while one is awaited, after which the connection drains, or ends if it does already. */
  #silenceMs: number;
  /** Milliseconds until the next check for silence at most: that of connecting would be late for a shorter deadline. */
  readonly #checkMs: number;
  readonly #listener: LinkListener;
  /** Rejects each read that has not settled. */
  readonly #reads = new Set<(error: Error) => void>();
  /** Whether the connection has no TLS, and has brought no reply yet. */
  #unanswered: boolean;
  /** While it drains, no further call uses it. */
  #state: 'connecting' | 'open' | 'draining' | 'ended' = 'connecting';
  #connectionError: unknown;
  /** Whether a reply was none of its command's. Those behind it, which may have arrived with it, may belong to others, too. */
  #outOfStep = false;
  #fail: (error: unknown) => void = () => undefined;
  /** Replies that are awaited, including that of connecting. */
  #inFlight = 0;
  /** When the last reply came, or replies began to be owed, on the clock of `performance.now()`. */
  #lastReplyAt = 0;
  /** Whether a check for silence is due. */
  #watched = false;

  constructor(client: OwnClient, waitMs: number, timeoutMs: number, listener: LinkListener) {
    this.#client = client;
    this.#silenceMs = attemptMsOf(timeoutMs) + LATENESS_MS;
    this.#checkMs = timeoutMs + LATENESS_MS;
    this.#listener = listener;
    // Includes replies that the client cannot parse: it would match the ones after them with the wrong commands.
    client.on('error', (error) => this.end(error));
    // The client cannot abort an attempt to connect. Unreferenced, the attempt does not keep the process alive.
    client.unref();
    const { socket, credentialsProvider, database = 0 } = client.options;
    const secure = socket?.tls === true;
    // These make the client send commands while it connects: once it is ready, the server has replied.
    const greets = credentialsProvider !== undefined || database !== 0;
    this.#unanswered = !secure && !greets;
    this.connected = new Promise((resolve, reject) => {
      this.#fail = (error) => reject(connectionFailure(error, { secure }));
      const connected = (): void => {
        if (this.#state === 'connecting') this.#state = 'open';
        this.#silenceMs = this.#checkMs;
        client.ref();
        resolve();
      };
      this.#awaitReply(this.#connect(waitMs))
        .then(connected, (error) => this.end(error))
        .finally(() => {
          if (this.#state === 'ended') client.destroy();
        });
    });
  }

  /** Rejects a read if the connection falls silent: core sends it again. Its reply, if it comes, is checked all the same. */
  send<T>(args: string[], read: (reply: unknown) => T): Promise<T> {
    const result = this.#run(args, read);
    if (!READS.has(args[0])) return result;
    return new Promise((resolve, reject) => {
      this.#reads.add(reject);
      void result.then(resolve, reject).then(() => this.#reads.delete(reject));
    });
  }

  async #run<T>(args: string[], read: (reply: unknown) => T): Promise<T> {
    let reply: unknown;
    try {
      reply = await this.#awaitReply(this.#client.sendCommand(args, PLAIN));
    } catch (error) {
      const context = { unanswered: this.#unanswered, connectionError: this.#connectionError };
      if (!this.#outOfStep) throw await afterTurn(commandFailure(error, context));
    } finally {
      // An error reply is a reply, too.
      this.#unanswered &&= this.#state === 'ended';
    }
    if (this.#outOfStep) throw commandFailure(this.#connectionError);
    try {
      return read(reply);
    } catch (error) {
      this.#outOfStep = true;
      this.end(new Error('a reply to another command'));
      throw error;
    }
  }

  async #connect(waitMs: number): Promise<void> {
    if (waitMs > 0) await sleep(waitMs);
    if (this.#state !== 'ended') await this.#client.connect();
  }

  /** Ends the connection once every command sent on it is answered, or it falls silent. */
  drain(): void {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    this.#listener.givenUp();
    this.#endIfDrained();
  }

  end(error: unknown): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#connectionError = error;
    this.#listener.givenUp();
    this.#listener.ended();
    this.#fail(error);
    // Even if its connection has ended: until then it keeps its subscription to a credentials provider.
    this.#client.destroy();
  }

  #endIfDrained(): void {
    if (this.#state === 'draining' && this.#inFlight === 0) this.end(new Error('drained'));
  }

  async #awaitReply<T>(reply: Promise<T>): Promise<T> {
    if (this.#inFlight === 0) this.#lastReplyAt = performance.now();
    this.#inFlight += 1;
    if (!this.#watched) this.#checkAfter(this.#silenceMs);
    try {
      const value = await reply;
      this.#lastReplyAt = performance.now();
      return value;
    } catch (error) {
      // The client also rejects commands that it has not sent.
      if (isErrorReply(error)) this.#lastReplyAt = performance.now();
      throw error;
    } finally {
      this.#inFlight -= 1;
      this.#endIfDrained();
    }
  }

  #checkAfter(milliseconds: number): void {
    // After a stall of the event loop, timers run before the bytes that arrived meanwhile are read. Reading gets one turn
    // first, and then the calls whose deadlines have passed get theirs. A stall may also begin in between: it does not count.
    const check = () => {
      const now = performance.now();
      setImmediate(() => setTimeout(() => this.#checkSilence(now), 0));
    };
    setTimeout(check, Math.min(milliseconds, this.#checkMs, MAX_TIMER_MS)).unref();
    this.#watched = true;
  }

  #checkSilence(now: number): void {
    this.#watched = false;
    if (this.#inFlight === 0) return;
    const left = this.#lastReplyAt + this.#silenceMs - now;
    if (left > 0) {
      this.#checkAfter(left);
      return;
    }
    const error = new Error('the server fell silent');
    if (this.#state !== 'open') {
      this.end(error);
      return;
    }
    // The server may only be slow: its writes may still be answered before their deadlines, which come before the next check.
    this.drain();
    for (const reject of this.#reads) reject(commandFailure(error));
    this.#checkAfter(this.#silenceMs);
  }
}
