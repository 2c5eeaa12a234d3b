import { isIP } from 'node:net';
import { type CacheBackend, type CacheError, createBackend, invalidOptions, type RemoteOptions } from '@ninefold/core';
import { createClient, type RedisClientOptions } from 'redis';
import { Connection } from './connection.ts';
import { NodeRedisDriver, nodeRedisCapabilities } from './driver.ts';
import { attemptMsOf, type OwnClient } from './link.ts';
import { ProvidedClient, ProvidedPool, type RedisPool } from './provided-client.ts';
import type { RedisClient, Sender } from './sender.ts';

export {
  type BackendOptions,
  type CacheBackend,
  CacheError,
  type CacheErrorCode,
  type Capabilities,
  isCacheError,
  type ReadOptions,
  type RemoteOptions,
  type Serializer,
  type ValueType,
  type WriteOptions,
} from '@ninefold/core';
export { nodeRedisCapabilities } from './driver.ts';
export type { RedisClient } from './sender.ts';

interface CommonOptions extends RemoteOptions {
  /** Milliseconds after which a call whose I/O is still pending rejects with `TIMEOUT`; default 1,000. */
  readonly timeoutMs?: number | undefined;
  /**
   * UTF-8 bytes of text above which a write rejects with `TOO_LARGE`; default 536,870,912, like the server's
   * `proto-max-bulk-len`.
   */
  readonly maxValueBytes?: number | undefined;
}

export interface NodeRedisUrlOptions extends CommonOptions {
  /** `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS. */
  readonly url: string | undefined;
  /** Further options of the client, such as `credentialsProvider`. Those that the contract depends on are overridden. */
  readonly redis?: RedisClientOptions | undefined;
  readonly client?: undefined;
}

export interface NodeRedisClientOptions extends CommonOptions {
  /** A connected client or pool of redis 5 or 6, with RESP 2 or 3. It keeps its settings, and the backend does not close it. */
  readonly client: RedisClient;
  readonly url?: undefined;
  readonly redis?: undefined;
}

export type NodeRedisBackendOptions = NodeRedisUrlOptions | NodeRedisClientOptions;

interface TlsSettings {
  readonly tls?: boolean | undefined;
  readonly servername?: string | undefined;
}

type CredentialsProvider = NonNullable<RedisClientOptions['credentialsProvider']>;
type StreamingCredentialsProvider = Extract<CredentialsProvider, { readonly type: 'streaming-credentials-provider' }>;

const DEFAULT_TIMEOUT_MS = 1000;
/** Share of an attempt that connecting may take. The rest lets a call report why before its deadline. */
const CONNECT_SHARE = 0.9;

/**
 * Creates a cache in one Redis server, through the official client. Does no I/O until it is used. Throws
 * `INVALID_OPTIONS`.
 */
export function nodeRedisBackend(options: NodeRedisBackendOptions): CacheBackend {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, maxValueBytes = nodeRedisCapabilities.maxValueBytes } = options ?? {};
  const sender = createSender(options, timeoutMs);
  if (!Number.isSafeInteger(maxValueBytes) || (maxValueBytes ?? 0) <= 0)
    throw invalid(options, 'maxValueBytes must be a whole number of bytes above 0');
  return createBackend(new NodeRedisDriver(sender, { ...nodeRedisCapabilities, maxValueBytes }), {
    ...options,
    timeoutMs,
  });
}

function createSender(options: NodeRedisBackendOptions, timeoutMs: number): Sender {
  const client: unknown = options?.client;
  if (client === undefined) {
    const url = checkUrl(options);
    const { redis: given = {} } = options;
    if (typeof given !== 'object' || given === null)
      throw invalid(options, 'redis must be an object of options of the client');
    // The client adds it to the keys of its own methods only.
    if (given.keyPrefix) throw invalid(options, 'redis.keyPrefix would not be added to the keys; use namespace');
    const { username, password } = new URL(url);
    if (given.credentialsProvider && username + password !== '')
      throw invalid(options, 'url has credentials, in place of which redis.credentialsProvider would never be asked');
    // The client refuses these only when it is created, for a connection.
    const needing = (['clientSideCache', 'emitInvalidate', 'maintNotifications'] as const).find(
      (name) => given[name] && given[name] !== 'disabled',
    );
    if (needing !== undefined) throw invalid(options, `redis.${needing} needs RESP 3, which this backend does not use`);
    // The server refuses a fraction as it refuses the value of a counter, and the client takes NaN for 0.
    if (!/^\d{1,9}$/.test(String(given.database ?? 0)))
      throw invalid(options, 'redis.database must be a database number');
    const { tls, servername = '' }: TlsSettings = given.socket ?? {};
    if (tls !== undefined && tls !== url.startsWith('rediss:'))
      throw invalid(options, 'redis.socket.tls must be true for rediss:// and only for it');
    // Node refuses it only once it has begun to connect, and that socket's error would end the process.
    if (typeof servername !== 'string') throw invalid(options, 'redis.socket.servername must be a string');
    // Each connection has a client of its own, with the options as they are here.
    const kept = { ...given, ...(given.socket && { socket: { ...given.socket } }) };
    return new Connection(() => createOwnClient(url, kept, timeoutMs), timeoutMs);
  }
  if (!isRedisClient(client)) throw invalid(options, 'client must be a client or pool of redis 5 or 6 for one server');
  if (options.url !== undefined) throw invalid(options, 'give either url or client, not both');
  if (options.redis !== undefined) throw invalid(options, 'client keeps its own settings: leave out redis');
  return isPool(client) ? new ProvidedPool(client) : new ProvidedClient(client);
}

function createOwnClient(url: string, given: RedisClientOptions, timeoutMs: number): OwnClient {
  const connectTimeout = Math.ceil(CONNECT_SHARE * attemptMsOf(timeoutMs));
  // The client does not name the server to itself (SNI), by which proxies in front of managed servers route.
  const { servername = serverNameOf(url) }: TlsSettings = given.socket ?? {};
  const socket = { ...given.socket, servername, connectTimeout, reconnectStrategy: false } as const;
  const { credentialsProvider: provider } = given;
  // The client must not resend a command, nor queue one beyond its deadline.
  const client: OwnClient = createClient({
    disableClientInfo: true,
    ...(given as object),
    ...(provider?.type === 'streaming-credentials-provider' && {
      credentialsProvider: subscribedWhileOpen(provider, () => client.isOpen),
    }),
    // Each call has a deadline already. The client's timeout would make an AbortSignal for each command, most of its cost.
    commandOptions: { timeout: 0, ...given.commandOptions },
    url,
    RESP: 2,
    disableOfflineQueue: true,
    socket: socket as NonNullable<RedisClientOptions['socket']>,
  });
  return client;
}

/** The provider for one client, which would never dispose a subscription that comes after its connection has ended. */
function subscribedWhileOpen(
  provider: StreamingCredentialsProvider,
  isOpen: () => boolean,
): StreamingCredentialsProvider {
  return {
    type: provider.type,
    subscribe: async (listener) => {
      const subscription = await provider.subscribe(listener);
      if (isOpen()) return subscription;
      subscription[1].dispose();
      throw new Error('the connection has ended');
    },
    onReAuthenticationError: (error) => provider.onReAuthenticationError(error),
  };
}

function isRedisClient(thing: unknown): thing is RedisClient {
  const { sendCommand, call } = (thing ?? {}) as { readonly sendCommand?: unknown; readonly call?: unknown };
  // The `sendCommand` of a Cluster or a Sentinel client takes more arguments: first the routing of the command. ioredis has
  // a `sendCommand` too, but takes the arguments of a command by `call`.
  return typeof sendCommand === 'function' && sendCommand.length <= 2 && call === undefined;
}

function isPool(client: RedisClient): client is RedisPool {
  return typeof (client as Partial<RedisPool>).execute === 'function';
}

function checkUrl(options: NodeRedisBackendOptions): string {
  const url: unknown = options?.url;
  // The client would assume localhost for a missing URL, and quote a malformed one with its password.
  if (typeof url !== 'string' || url === '')
    throw invalid(options, "url is missing: give { url: 'redis://host:port' }, or client");
  if (!URL.canParse(url))
    throw invalid(options, 'url is not a URL like redis://host:port, with the password percent-encoded');
  const parsed = new URL(url);
  if ((parsed.protocol !== 'redis:' && parsed.protocol !== 'rediss:') || parsed.host === '')
    throw invalid(options, 'url must begin with redis:// or rediss:// and name a host');
  // In redis://user:12#34@host and redis://user:12?34@host the host would be `user`.
  if (parsed.search !== '') throw invalid(options, 'url has parameters, or a ? that is not percent-encoded');
  if (parsed.hash !== '') throw invalid(options, 'url has a # that is not percent-encoded');
  if (!/^\/?\d{0,9}$/.test(parsed.pathname)) throw invalid(options, 'url has a path that is not a database number');
  if (!isDecodable(parsed.username + parsed.password))
    throw invalid(options, 'url has a user or password that is not percent-encoded');
  // `default` is the same user. With a name, a server that requires no password accepts one.
  if (parsed.username === '' && parsed.password !== '') parsed.username = 'default';
  return parsed.href;
}

/** The host, unless it is an address, which TLS does not take for a name. */
function serverNameOf(url: string): string {
  const { hostname } = new URL(url);
  return hostname.startsWith('[') || isIP(hostname) !== 0 ? '' : hostname;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function invalid(options: NodeRedisBackendOptions, reason: string): CacheError {
  return invalidOptions('node-redis', options, reason);
}
