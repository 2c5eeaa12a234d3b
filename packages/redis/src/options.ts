import type { RemoteOptions } from '@ninefold/core';
import type { RedisOptions } from 'ioredis';
import type { RedisClient } from './provided-client.ts';

interface CommonOptions extends RemoteOptions {
  /** Milliseconds after which a call whose I/O is still pending rejects with `TIMEOUT`; default 1,000. */
  readonly timeoutMs?: number | undefined;
  /**
   * UTF-8 bytes of text above which a write rejects with `TOO_LARGE`; default 536,870,912, like the server's
   * `proto-max-bulk-len`.
   */
  readonly maxValueBytes?: number | undefined;
}

interface OwnClientOptions extends CommonOptions {
  /** ioredis options for connecting, such as `tls`. Its options for commands have no effect. */
  readonly redis?: RedisOptions | undefined;
}

export interface RedisUrlOptions extends OwnClientOptions {
  /** One server: `redis://[user:password@]host[:port][/database][?family=0|4|6]`, or `rediss://` for TLS. */
  readonly url: string | undefined;
  readonly cluster?: undefined;
  readonly sentinels?: undefined;
  readonly client?: undefined;
}

export interface RedisClusterOptions extends OwnClientOptions {
  /** URLs of some nodes of a Redis Cluster, with the same user, password and protocol. The other nodes are discovered. */
  readonly cluster: readonly string[];
  readonly url?: undefined;
  readonly sentinels?: undefined;
  readonly client?: undefined;
}

export interface RedisSentinelsOptions extends OwnClientOptions {
  /** Sentinels that monitor the primary. */
  readonly sentinels: RedisSentinels;
  readonly url?: undefined;
  readonly cluster?: undefined;
  readonly client?: undefined;
}

export interface RedisSentinels {
  /** The name that the sentinels have for the primary. */
  readonly name: string;
  /** URLs of the sentinels, with their user and password; those of the primary are options in `redis`. */
  readonly urls: readonly string[];
}

export interface RedisClientOptions extends CommonOptions {
  /** A `Redis` or `Cluster` of ioredis 5 or 6. It keeps its own settings, and the backend does not close it. */
  readonly client: RedisClient;
  readonly redis?: undefined;
  readonly url?: undefined;
  readonly cluster?: undefined;
  readonly sentinels?: undefined;
}

export type RedisBackendOptions = RedisUrlOptions | RedisClusterOptions | RedisSentinelsOptions | RedisClientOptions;
