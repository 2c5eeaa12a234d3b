import calculateSlot from 'cluster-key-slot';
import { commandFailure, connectionFailure } from './failures.ts';
import type { Argument, CallState, Command, Sender } from './sender.ts';

/** What is needed of a client that is handed in: `Redis` and `Cluster` of ioredis 5 and 6 have it. */
export interface RedisClient {
  call(command: string, args: Argument[]): Promise<unknown>;
  readonly isCluster?: boolean | undefined;
  readonly status?: string | undefined;
  readonly options?: { readonly keyPrefix?: unknown } | undefined;
}

/** A client that the caller made and closes, with settings of its own. */
export class ProvidedClient implements Sender {
  readonly ready = true;
  /** One by which a connection ends it may send again and again; and without its prefix what it does not know itself. */
  readonly mayProbe = false;
  readonly slotOf: ((key: string) => number) | undefined;
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
    const prefix = client.options?.keyPrefix;
    // The client puts its prefix before every key, and the slot is that of the whole.
    if (client.isCluster === true)
      this.slotOf = (key) => calculateSlot(typeof prefix === 'string' ? prefix + key : key);
  }

  async send(call: CallState, { name, args }: Command): Promise<unknown> {
    if (call.ended) return undefined;
    // It says the same of this as of a connection that was lost under a command.
    if (this.#client.status === 'end') throw connectionFailure(undefined);
    call.sent = true;
    // One that was ready may have sent it before it lost its nodes, and says the same of it as of what it never sent.
    const mayBeSent = this.#client.status === 'ready';
    try {
      return await this.#client.call(name, args);
    } catch (error) {
      throw commandFailure(error, { mayBeSent });
    }
  }

  close(): void {
    // Its owner's to close.
  }
}
