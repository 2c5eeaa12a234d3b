import { type Redis, SentinelConnector } from 'ioredis';
import { failureOf } from './failures.ts';

/** ioredis tells the console of what is none of its business. Makes a client that leaves that to the calls it concerns. */
export function quietened(client: Redis): Redis {
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
    info((error, text) => then(error ? failureOf(error) : error, text))) as Redis['info'];
  return client;
}

/** Private in the client's types; the one place where it makes a client for a sentinel. */
interface Asking {
  connectToSentinel(sentinel: unknown, options?: object): Redis;
}

/**
 * Asks the sentinels through clients that are quiet, and tells of the last that it could not ask what was in the way, and
 * its socket.
 */
export class QuietSentinels extends SentinelConnector {
  #failure: unknown;
  /** The last that was made: the one that is being asked, if any. */
  #asked: Redis | undefined;

  constructor(options: unknown) {
    super(options as ConstructorParameters<typeof SentinelConnector>[0]);
    const asking = this as unknown as Asking;
    const connect = asking.connectToSentinel.bind(this);
    asking.connectToSentinel = (sentinel, given) => {
      const client = connect(sentinel, { disconnectTimeout: this.options.disconnectTimeout, ...given });
      client.on('error', (error: unknown) => {
        this.#failure = error;
      });
      this.#asked = client;
      return quietened(client);
    };
  }

  // Or it is waited for until its time is over, though nobody asks for what it says.
  override disconnect(): void {
    super.disconnect();
    this.#asked?.disconnect();
  }

  override async connect(...how: Parameters<SentinelConnector['connect']>): ReturnType<SentinelConnector['connect']> {
    this.#failure = undefined;
    try {
      return await super.connect(...how);
    } catch (error) {
      throw Object.assign(error as Error, { cause: this.#failure, stream: this.#asked?.stream });
    }
  }
}
