import { type Call, DriverError } from '@ninefold/core';
import { Link, type OwnClient } from './link.ts';
import type { Sender } from './sender.ts';

/** Minimum milliseconds between two attempts to connect: calls do not hammer a server that refuses connections. */
const RETRY_MS = 50;

/**
 * Sends commands by one connection at a time, which this package creates. A connection that fails or falls silent is given
 * up, and the next call makes another. So is one whose server says that it is a replica: the host name may have moved. The
 * calls of one that is given up while it may still answer keep their deadlines.
 */
export class Connection implements Sender {
  readonly #create: () => OwnClient;
  readonly #timeoutMs: number;
  /** The present connection, and the draining ones. */
  readonly #links = new Set<Link>();
  #link: Link | undefined;
  /** When the last attempt to connect began or begins, on the clock of `performance.now()`. */
  #openedAt = Number.NEGATIVE_INFINITY;
  /**
   * Never does anything. Node lists timers by their duration: with this one, the timer of a lone call joins a list, which need
   * not be created and dropped for it. That takes a thirtieth of a local round trip.
   */
  #idleTimer: ReturnType<typeof setInterval> | undefined;

  constructor(create: () => OwnClient, timeoutMs: number) {
    this.#create = create;
    this.#timeoutMs = timeoutMs;
  }

  async send<T>(call: Call, args: string[], read: (reply: unknown) => T): Promise<T | undefined> {
    this.#link ??= this.#open();
    const link = this.#link;
    await link.connected;
    // A call that ended while it waited for the connection must not be sent.
    if (call.ended) return undefined;
    call.sent = true;
    try {
      return await link.send(args, read);
    } catch (error) {
      if (error instanceof DriverError && error.options.cause?.code === 'READONLY') link.drain();
      throw error;
    }
  }

  close(): void {
    clearInterval(this.#idleTimer);
    for (const link of this.#links) link.end(new Error('closed'));
  }

  #open(): Link {
    this.#idleTimer ??= setInterval(idle, this.#timeoutMs).unref();
    const now = performance.now();
    this.#openedAt = Math.max(now, this.#openedAt + RETRY_MS);
    const link: Link = new Link(this.#create(), this.#openedAt - now, this.#timeoutMs, {
      givenUp: () => {
        if (this.#link === link) this.#link = undefined;
      },
      ended: () => this.#links.delete(link),
    });
    this.#links.add(link);
    return link;
  }
}

/** Not a closure of a method: the timer of a backend that is dropped without `close` would keep it in memory. */
function idle(): undefined {
  return undefined;
}
