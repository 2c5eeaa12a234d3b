import type { Call } from '@ninefold/core';
import type { Redis, RedisOptions } from 'ioredis';
import { failureOf, unconnected } from './failures.ts';

export type Argument = string | number;

/** Milliseconds between attempts to connect: soon, and never so long that a server that is back is not seen. */
const RETRY_STEP_MS = 50;
const RETRY_MOST_MS = 500;
/** Milliseconds after the deadline of a call before a silent connection is given up: the call itself says `TIMEOUT`. */
const SILENCE_MS = 100;

/** What of the client's settings is ours, because the promises of the contract stand on it. */
export function clientOptions(timeoutMs: number, given: RedisOptions): RedisOptions & { replyMapping: 'legacy' } {
  return {
    ...given,
    // Lists and nulls as they always were, whatever the protocol.
    replyMapping: 'legacy',
    lazyConnect: true,
    // A command that was lost is not sent again, and none waits for a connection out of our sight.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    // A connection that no longer answers is given up and made anew.
    connectTimeout: timeoutMs,
    socketTimeout: timeoutMs + SILENCE_MS,
    // Numbers come back wrong within 47 of ±(2^53-1) otherwise.
    stringNumbers: true,
    retryStrategy: (attempt: number) => Math.min(attempt * RETRY_STEP_MS, RETRY_MOST_MS),
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  };
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What a driver needs of a connection. */
export interface Sender {
  send(call: Call, command: string, args: Argument[]): Promise<unknown>;
  close(): void;
}

/** One connection of our own: calls wait for it inside their deadlines, in order, and are sent once. */
export class Connection implements Sender {
  readonly #client: Redis;
  #waiting: Waiting[] = [];
  /** Why the last attempt to connect failed. */
  #failure: unknown;

  constructor(make: () => Redis) {
    this.#client = make();
    this.#client.on('error', (error: unknown) => {
      this.#failure = error;
    });
    this.#client.on('ready', () => this.#release(({ resolve }) => resolve()));
    this.#client.on('close', () => this.#release(({ reject }) => reject(unconnected(this.#failure))));
  }

  /** Sends a command once the connection is there; rejects with a `DriverError`. */
  async send(call: Call, command: string, args: Argument[]): Promise<unknown> {
    if (this.#client.status !== 'ready') {
      call.sent = false;
      await this.#ready();
      // Whoever has given up must not be sent for.
      if (call.ended) return undefined;
      call.sent = true;
    }
    try {
      return await this.#client.call(command, args);
    } catch (error) {
      throw failureOf(error);
    }
  }

  close(): void {
    this.#client.disconnect();
    this.#release(({ reject }) => reject(unconnected(undefined)));
  }

  #ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      // Its outcome comes by the events.
      if (this.#client.status === 'wait' || this.#client.status === 'end')
        this.#client.connect().catch(() => undefined);
    });
  }

  #release(end: (waiting: Waiting) => void): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) end(each);
  }
}
