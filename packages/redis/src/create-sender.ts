import { Redis, type RedisOptions } from 'ioredis';
import { ClusterConnections } from './cluster.ts';
import { Connection } from './connection.ts';
import { PatchedSentinelConnector, patched } from './ioredis-patches.ts';
import { ProvidedClient, type RedisClient } from './provided-client.ts';
import type { RedisBackendOptions } from './redis.ts';
import type { Sender } from './sender.ts';
import { type Settings, settingsOf } from './settings.ts';
import { parseServer, parseServers, type Server, UrlError } from './url.ts';

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;

/** An option that cannot be used, and why. */
export class UnusableOption extends Error {}

/** The way to the server or servers that the options name. Opens nothing. Throws `UnusableOption`. */
export function createSender(options: RedisBackendOptions, timeoutMs: number): Sender {
  const targets = (['url', 'cluster', 'sentinels', 'client'] as const).filter(
    (target) => options[target] !== undefined,
  );
  const [target] = targets;
  if (target === undefined)
    throw new UnusableOption('url is missing: redis://host:port; or give cluster, sentinels or client');
  if (targets.length > 1) throw new UnusableOption(`give one of ${targets.join(' and ')}`);
  if (target === 'client') return providedClient(options);
  const { redis: given = {} } = options;
  if (typeof given !== 'object' || given === null) throw new UnusableOption('redis is an object of options of ioredis');
  if (given.keyPrefix)
    throw new UnusableOption('redis.keyPrefix would hide entries from other backends; use namespace');
  const settings = settingsOf(timeoutMs, given);
  try {
    if (target === 'cluster') return clusterSender(options.cluster, settings, timeoutMs);
    if (target === 'sentinels') return sentinelSender(options, settings, timeoutMs);
    const { secure, ...server } = parseServer(options.url, REDIS_PORT);
    return new Connection(timeoutMs, () => createClient({ ...settings, ...server, ...tlsOf(secure, settings) }));
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
      new Connection(timeoutMs, () => createClient({ ...settings, ...shared, host, port, ...tlsOf(secure, settings) })),
  );
}

function sentinelSender({ sentinels: given }: RedisBackendOptions, settings: Settings, timeoutMs: number): Sender {
  if (typeof given?.name !== 'string' || given.name === '')
    throw new UnusableOption('sentinels.name is what the sentinels call the primary');
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
      // A primary of yesterday may still be up as a replica: its role is looked at before it is used.
      enableReadyCheck: true,
      failoverDetector: true,
      sentinelCommandTimeout: timeoutMs,
      // When none answers, calls hear of it; the next call asks them again.
      sentinelRetryStrategy: () => null,
      Connector: PatchedSentinelConnector,
    }),
  );
}

function providedClient({ client, redis }: RedisBackendOptions): Sender {
  if (redis !== undefined) throw new UnusableOption('a client has its own settings; redis goes with the other options');
  if (typeof (client as Partial<RedisClient> | null)?.call !== 'function')
    throw new UnusableOption('client is a Redis or Cluster of ioredis 5 or 6');
  return new ProvidedClient(client as RedisClient);
}

function createClient(options: Settings): Redis {
  return patched(new Redis(options));
}

function tlsOf(secure: Server['secure'], { tls = {} }: Settings): Pick<RedisOptions, 'tls'> {
  return secure ? { tls } : {};
}
