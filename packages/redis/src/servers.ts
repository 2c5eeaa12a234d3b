import { Redis, type RedisOptions } from 'ioredis';
import { Borrowed, type RedisClient } from './borrowed.ts';
import { ClusterConnections } from './cluster.ts';
import { Connection } from './connection.ts';
import { QuietSentinels, quietened } from './quiet.ts';
import type { RedisBackendOptions } from './redis.ts';
import type { Sender } from './sender.ts';
import { type Settings, settingsOf } from './settings.ts';
import { parseServer, parseServers, type Server, UrlError } from './url.ts';

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;

/** An option that cannot be used, and why. */
export class UnusableOption extends Error {}

/** The way to the server or servers that the options name. Opens nothing. Throws `UnusableOption`. */
export function senderOf(options: RedisBackendOptions, timeoutMs: number): Sender {
  const ways = (['url', 'cluster', 'sentinels', 'client'] as const).filter((way) => options[way] !== undefined);
  const [way] = ways;
  if (way === undefined)
    throw new UnusableOption('url is missing: redis://host:port; or give cluster, sentinels or client');
  if (ways.length > 1) throw new UnusableOption(`give one of ${ways.join(' and ')}`);
  if (way === 'client') return borrowed(options);
  const { redis: given = {} } = options;
  if (typeof given !== 'object' || given === null) throw new UnusableOption('redis is an object of options of ioredis');
  if (given.keyPrefix)
    throw new UnusableOption('redis.keyPrefix would hide entries from other backends; use namespace');
  const settings = settingsOf(timeoutMs, given);
  try {
    if (way === 'cluster') return cluster(options.cluster, settings, timeoutMs);
    if (way === 'sentinels') return sentinels(options, settings, timeoutMs);
    const { secure, ...server } = parseServer(options.url, REDIS_PORT);
    return new Connection(timeoutMs, () => clientOf({ ...settings, ...server, ...tlsOf(secure, settings) }));
  } catch (error) {
    throw error instanceof UrlError ? new UnusableOption(`${way} ${error.message}`) : error;
  }
}

function cluster(urls: unknown, settings: Settings, timeoutMs: number): Sender {
  const servers = parseServers(urls, REDIS_PORT);
  const { secure, ...shared } = servers[0];
  return new ClusterConnections(
    servers,
    timeoutMs,
    ({ host, port }) =>
      new Connection(timeoutMs, () => clientOf({ ...settings, ...shared, host, port, ...tlsOf(secure, settings) })),
  );
}

function sentinels({ sentinels: given }: RedisBackendOptions, settings: Settings, timeoutMs: number): Sender {
  if (typeof given?.name !== 'string' || given.name === '')
    throw new UnusableOption('sentinels.name is what the sentinels call the primary');
  const servers = parseServers(given.urls, SENTINEL_PORT);
  const { secure, username, password } = servers[0];
  const { name } = given;
  return new Connection(timeoutMs, () =>
    clientOf({
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
      Connector: QuietSentinels,
    }),
  );
}

function borrowed({ client, redis }: RedisBackendOptions): Sender {
  if (redis !== undefined) throw new UnusableOption('a client has its own settings; redis goes with the other options');
  if (typeof (client as Partial<RedisClient> | null)?.call !== 'function')
    throw new UnusableOption('client is a Redis or Cluster of ioredis 5 or 6');
  return new Borrowed(client as RedisClient);
}

function clientOf(options: Settings): Redis {
  return quietened(new Redis(options));
}

function tlsOf(secure: Server['secure'], { tls = {} }: Settings): Pick<RedisOptions, 'tls'> {
  return secure ? { tls } : {};
}
