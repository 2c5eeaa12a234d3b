import { setImmediate as turn } from 'node:timers/promises';
import { commandFailure, connectionFailure } from './failures.ts';
import type { Argument, CallState, Command, Sender } from './sender.ts';
import { slotOf } from './slot.ts';

/** The methods and properties that a provided client needs. `Redis` and `Cluster` of ioredis 5 and 6 have them. */
export interface RedisClient {
  call(command: string, args: Argument[]): Promise<unknown>;
  readonly isCluster?: boolean | undefined;
  readonly status?: string | undefined;
  readonly options?: { readonly keyPrefix?: unknown } | undefined;
}

/** Sends commands by a provided client, which keeps its settings and which its owner closes. */
export class ProvidedClient implements Sender {
  /** The client may resend a command that makes a proxy close the connection, and adds no `keyPrefix` to one it does not know. */
  readonly mayProbe = false;
  readonly slotOf: ((key: string) => number) | undefined;
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
    const prefix = client.options?.keyPrefix;
    // The client adds its prefix to every key, and the slot is that of the prefixed key.
    if (client.isCluster === true) this.slotOf = (key) => slotOf(typeof prefix === 'string' ? prefix + key : key);
  }

  async send<T>(call: CallState, { name, args, read }: Command<T>): Promise<T | undefined> {
    if (call.ended) return undefined;
    // Otherwise the client reports this as it reports a connection that was lost during a command.
    if (this.#client.status === 'end') {
      await turn();
      throw connectionFailure(undefined);
    }
    call.sent = true;
    // A ready client reports a command that it sent before it lost its nodes as it reports one that it never sent.
    const mayBeSent = this.#client.status === 'ready';
    let reply: unknown;
    try {
      reply = await this.#client.call(name, args);
    } catch (error) {
      const failure = commandFailure(error, { mayBeSent });
      // A client without a connection may reject commands at once. Without a turn, callers that repeat them would put off for ever
      // the events by which it connects again.
      if (failure.options.connectionLost === true) await turn();
      throw failure;
    }
    return read(reply);
  }

  close(): void {
    // Its owner closes it.
  }
}
