import { type Redis, SentinelConnector } from 'ioredis';
import { commandFailure } from './failures.ts';
import { serverNameOf } from './settings.ts';

/**
 * Patches a client so that what ioredis would write to the console fails the calls concerned, or is ignored, and no error of a
 * connected socket ends the process.
 */
export function patched(client: Redis): Redis {
  // A TLS socket that receives garbage while it is written to emits a second error. ioredis listens for only one.
  client.on('connect', () => void client.stream.on('error', () => undefined));
  const auth = client.auth.bind(client) as (...login: unknown[]) => Promise<'OK'>;
  // A server that requires no password may be given one. One that knows no users, before Redis 6, refuses the next command if it
  // requires a password.
  client.auth = (...login: unknown[]) =>
    auth(...login).catch((error: Error) => {
      if (/no password is set|without any password configured|wrong number of arguments/.test(error.message))
        return 'OK';
      throw error;
    });
  const info = client.info.bind(client) as (then: (error: unknown, text?: string) => void) => Promise<string>;
  // If the role of a server cannot be read, connecting fails; ioredis would take it for a primary, with a warning.
  client.info = ((then: (error: unknown, text?: string) => void) =>
    info((error, text) => then(error ? commandFailure(error) : error, text))) as Redis['info'];
  return client;
}

interface Address {
  readonly host: string;
}

/** The methods, private in ioredis's types, that create every client for a sentinel, and that ask a sentinel for the primary. */
interface PrivateMethods {
  connectToSentinel(sentinel: Address, options?: object): Redis;
  resolve(sentinel: Address): Promise<Address | null>;
}

/**
 * Connects to sentinels through patched clients, and by TLS with the name of each server. If none leads to a primary, the error
 * has their last error as `cause` and the last socket as `stream`.
 */
export class PatchedSentinelConnector extends SentinelConnector {
  #lastError: unknown;
  /** The client created last, which is the one in use, if any. */
  #client: Redis | undefined;

  constructor(options: unknown) {
    super(options as ConstructorParameters<typeof SentinelConnector>[0]);
    const { disconnectTimeout, sentinelTLS, tls } = this.options;
    const methods = this as unknown as PrivateMethods;
    const [connect, resolve] = [methods.connectToSentinel.bind(this), methods.resolve.bind(this)];
    methods.connectToSentinel = (sentinel, given) => {
      const servername = serverNameOf(sentinel.host, sentinelTLS?.servername);
      const secured = sentinelTLS && { tls: { ...sentinelTLS, servername } };
      const client = connect(sentinel, { disconnectTimeout, ...secured, ...given });
      client.on('error', (error: unknown) => {
        this.#lastError = error;
      });
      this.#client = client;
      return patched(client);
    };
    // ioredis adds the options of `tls`, and connects by the result.
    methods.resolve = async (sentinel) => {
      const primary = await resolve(sentinel);
      return primary && { ...primary, servername: serverNameOf(primary.host, tls?.servername) };
    };
  }

  // Otherwise the sentinel's reply is awaited until its timeout, although no call needs it.
  override disconnect(): void {
    super.disconnect();
    this.#client?.disconnect();
  }

  override async connect(...how: Parameters<SentinelConnector['connect']>): ReturnType<SentinelConnector['connect']> {
    this.#lastError = undefined;
    // A full round, beginning with the next sentinel. Otherwise, after a primary that cannot be reached, the round goes on where it
    // was, and its end looks as if no sentinel could be reached.
    this.sentinelIterator.next();
    this.sentinelIterator.reset(true);
    try {
      return await super.connect(...how);
    } catch (error) {
      throw Object.assign(error as Error, { cause: this.#lastError, stream: this.#client?.stream });
    }
  }
}
