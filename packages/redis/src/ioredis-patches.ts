import { type Redis, SentinelConnector } from 'ioredis';
import { commandFailure } from './failures.ts';

/** ioredis tells the console of what is none of its business. Makes a client that leaves that to the calls it concerns. */
export function patched(client: Redis): Redis {
  const auth = client.auth.bind(client) as (...login: unknown[]) => Promise<'OK'>;
  // A server that wants no password is fine with one.
  client.auth = (...login: unknown[]) =>
    auth(...login).catch((error: Error) => {
      if (/no password is set|without any password configured/.test(error.message)) return 'OK';
      throw error;
    });
  const info = client.info.bind(client) as (then: (error: unknown, text?: string) => void) => Promise<string>;
  // Where its role cannot be seen a server is refused, and not taken for a primary with a warning.
  client.info = ((then: (error: unknown, text?: string) => void) =>
    info((error, text) => then(error ? commandFailure(error) : error, text))) as Redis['info'];
  return client;
}

/** Private in the client's types; the one place where it makes a client for a sentinel. */
interface ClientFactory {
  connectToSentinel(sentinel: unknown, options?: object): Redis;
}

/**
 * Asks the sentinels through clients that are quiet, and tells of the last that it could not ask what was in the way, and
 * its socket.
 */
export class PatchedSentinelConnector extends SentinelConnector {
  #lastError: unknown;
  /** The last that was made: the one that is being asked, if any. */
  #client: Redis | undefined;

  constructor(options: unknown) {
    super(options as ConstructorParameters<typeof SentinelConnector>[0]);
    const factory = this as unknown as ClientFactory;
    const connect = factory.connectToSentinel.bind(this);
    factory.connectToSentinel = (sentinel, given) => {
      const client = connect(sentinel, { disconnectTimeout: this.options.disconnectTimeout, ...given });
      client.on('error', (error: unknown) => {
        this.#lastError = error;
      });
      this.#client = client;
      return patched(client);
    };
  }

  // Or it is waited for until its time is over, though nobody asks for what it says.
  override disconnect(): void {
    super.disconnect();
    this.#client?.disconnect();
  }

  override async connect(...how: Parameters<SentinelConnector['connect']>): ReturnType<SentinelConnector['connect']> {
    this.#lastError = undefined;
    try {
      return await super.connect(...how);
    } catch (error) {
      throw Object.assign(error as Error, { cause: this.#lastError, stream: this.#client?.stream });
    }
  }
}
