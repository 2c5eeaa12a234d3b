import type { Call } from '@ninefold/core';
import { afterTurn, commandFailure } from './failures.ts';
import { PLAIN, type RedisClient, type Sender } from './sender.ts';

/** A pool of clients of redis 5 or 6. */
export interface RedisPool extends RedisClient {
  /** Runs the task with a client, once one is free. */
  execute(task: (client: RedisClient) => Promise<unknown>): Promise<unknown>;
}

/** Sends commands by a provided client, which keeps its settings and which its owner closes. */
export class ProvidedClient implements Sender {
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  async send<T>(call: Call, args: string[], read: (reply: unknown) => T): Promise<T | undefined> {
    call.sent = true;
    let reply: unknown;
    try {
      reply = await this.#client.sendCommand(args, PLAIN);
    } catch (error) {
      throw await afterTurn(commandFailure(error));
    }
    return read(reply);
  }

  close(): void {
    // Its owner closes it.
  }
}

/** Sends commands by a provided pool, as `ProvidedClient` does, but none for a call that ended while all clients were busy. */
export class ProvidedPool implements Sender {
  readonly #pool: RedisPool;

  constructor(pool: RedisPool) {
    this.#pool = pool;
  }

  async send<T>(call: Call, args: string[], read: (reply: unknown) => T): Promise<T | undefined> {
    let waiting = true;
    let reply: unknown;
    const task = async (client: RedisClient): Promise<unknown> => {
      if (call.ended) return undefined;
      waiting = false;
      call.sent = true;
      return await client.sendCommand(args, PLAIN);
    };
    try {
      reply = await this.#pool.execute(task);
    } catch (error) {
      throw await afterTurn(commandFailure(error, { waiting }));
    }
    return waiting ? undefined : read(reply);
  }

  close(): void {
    // Its owner closes it.
  }
}
