import { Redis, type RedisOptions } from 'ioredis';
import { ClusterConnections } from './cluster.ts';
import { Connection } from './connection.ts';
import { PatchedSentinelConnector, patched } from './ioredis-patches.ts';
import type { RedisBackendOptions } from './options.ts';
import { ProvidedClient, type RedisClient } from './provided-client.ts';
import type { Sender } from './sender.ts';
import { attemptMsOf, type Settings, serverNameOf, settingsOf } from './settings.ts';
import { parseServer, parseServers, UrlError } from './url.ts';

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;
/**
 * Share of an attempt that a sentinel may take to connect and answer. More than connecting alone, whose failure says more; less
 * than all, so that the call can hear from the next sentinel.
 */
const SENTINEL_SHARE = 0.95;

/** The reason an option cannot be used. */
export class UnusableOption extends Error {}

/** Creates the sender for the servers or client that the options name. Opens no connection. Throws `UnusableOption`. */
export function createSender(options: RedisBackendOptions, timeoutMs: number): Sender {
  const targets = (['url', 'cluster', 'sentinels', 'client'] as const).filter(
    (target) => options[target] !== undefined,
  );
  const [target] = targets;
  if (target === undefined)
    throw new UnusableOption("url is missing: give { url: 'redis://host:port' }, or cluster, sentinels or client");
  if (targets.length > 1) throw new UnusableOption(`give one of ${targets.join(' and ')}`);
  if (target === 'client') return providedClient(options);
  const { redis: given = {} } = options;
  if (typeof given !== 'object' || given === null)
    throw new UnusableOption('redis must be an object of ioredis options');
  if (given.keyPrefix)
    throw new UnusableOption('redis.keyPrefix would hide entries from other backends; use namespace');
  if (given.sentinels) throw new UnusableOption('redis.sentinels would replace the servers; use sentinels');
  if (given.path && target !== 'url')
    throw new UnusableOption('redis.path is the socket of one server; give it with url');
  // ioredis would select NaN again and again, and leave the refusal unhandled.
  if (!/^\d{1,9}$/.test(String(given.db ?? 0))) throw new UnusableOption('redis.db must be a database number');
  // Node refuses it only once it has begun to connect, and that socket's error would end the process.
  if (typeof (given.tls?.servername ?? '') !== 'string')
    throw new UnusableOption('redis.tls.servername must be a string');
  const settings = settingsOf(timeoutMs, given);
  try {
    if (target === 'cluster') return clusterSender(options.cluster, settings, timeoutMs);
    if (target === 'sentinels') return sentinelSender(options, settings, timeoutMs);
    const { secure, ...server } = parseServer(options.url, REDIS_PORT);
    return new Connection(timeoutMs, () =>
      createClient({ ...settings, ...server, ...tlsOf(server.host, secure, settings) }),
    );
  } catch (error) {
    throw error instanceof UrlError ? new UnusableOption(`${target} ${error.message}`) : error;
  }
}

function clusterSender(urls: unknown, settings: Settings, timeoutMs: number): Sender {
  const servers = parseServers(urls, REDIS_PORT);
  const { secure, ...shared } = servers[0];
  return new ClusterConnections(
    servers,
    timeoutMs,
    ({ host, port }) =>
      new Connection(timeoutMs, () =>
        createClient({ ...settings, ...shared, host, port, ...tlsOf(host, secure, settings) }),
      ),
  );
}

function sentinelSender({ sentinels: given }: RedisBackendOptions, settings: Settings, timeoutMs: number): Sender {
  if (typeof given?.name !== 'string' || given.name === '')
    throw new UnusableOption('sentinels.name is missing: the name that the sentinels have for the primary');
  const servers = parseServers(given.urls, SENTINEL_PORT);
  const { secure, username, password } = servers[0];
  const { name } = given;
  return new Connection(timeoutMs, () =>
    createClient({
      ...settings,
      name,
      sentinels: [...servers],
      ...(username === undefined ? {} : { sentinelUsername: username }),
      ...(password === undefined ? {} : { sentinelPassword: password }),
      ...(secure ? { sentinelTLS: settings.tls ?? {} } : {}),
      enableTLSForSentinelMode: settings.tls !== undefined,
      // A former primary may still be up as a replica: its role is checked before it is used.
      enableReadyCheck: true,
      failoverDetector: true,
      sentinelCommandTimeout: Math.ceil(SENTINEL_SHARE * attemptMsOf(timeoutMs)),
      // If no sentinel answers, the waiting calls reject, and the next call asks the sentinels again.
      sentinelRetryStrategy: () => null,
      Connector: PatchedSentinelConnector,
    }),
  );
}

function providedClient({ client, redis }: RedisBackendOptions): Sender {
  if (redis !== undefined) throw new UnusableOption('client keeps its own settings: leave out redis');
  if (typeof (client as Partial<RedisClient> | null)?.call !== 'function')
    throw new UnusableOption('client must be a Redis or Cluster of ioredis 5 or 6');
  return new ProvidedClient(client as RedisClient);
}

function createClient(options: Settings): Redis {
  return patched(new Redis(options));
}

function tlsOf(host: string, secure: boolean, { tls }: Settings): Pick<RedisOptions, 'tls'> {
  return secure || tls ? { tls: { ...tls, servername: serverNameOf(host, tls?.servername) } } : {};
}
