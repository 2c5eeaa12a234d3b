import type { ConnectionOptions } from 'node:tls';
import { type CacheError, invalidOptions, type RemoteOptions } from '@ninefold/core';
import { formatAddress, parseServers, parseUrl } from './addresses.ts';
import type { MemjsClient } from './provided-client.ts';
import type { ServerConfig } from './socket.ts';
import type { MemcachedTransport } from './transport.ts';

interface CommonOptions extends RemoteOptions {
  /** Milliseconds after which a call whose I/O is still pending rejects with `TIMEOUT`; default 1,000. */
  readonly timeoutMs?: number | undefined;
  /**
   * UTF-8 bytes of text that fit under any key; default 1,048,267, for servers with an item limit of 1 MiB. Only reported
   * in `capabilities`: the server itself refuses what is too large.
   */
  readonly maxValueBytes?: number | undefined;
}

interface Login {
  /** For SASL, both or neither. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** `true`, or options of Node's `tls.connect`, such as `ca`. */
  readonly tls?: boolean | ConnectionOptions | undefined;
}

export interface MemcachedUrlOptions extends CommonOptions, Login {
  /** `memcached://[user:password@]host[:port][,host[:port] …]`, or `memcacheds://` for TLS. */
  readonly url: string | undefined;
  readonly servers?: undefined;
  readonly client?: undefined;
  readonly transport?: undefined;
}

export interface MemcachedServersOptions extends CommonOptions, Login {
  /** `'a:11211,b:11211'` or a list of such. The default port is 11211; an IPv6 address is in brackets. */
  readonly servers: string | readonly string[] | undefined;
  readonly url?: undefined;
  readonly client?: undefined;
  readonly transport?: undefined;
}

export interface MemcachedClientOptions extends CommonOptions {
  /** A memjs `Client`. It is used as it is, with its own routing, connections and timeouts, and is not closed. */
  readonly client: MemjsClient;
  readonly url?: undefined;
  readonly servers?: undefined;
  readonly transport?: undefined;
}

export interface MemcachedTransportOptions extends CommonOptions {
  /** Another protocol or another way to reach the servers. Closing the backend closes it. */
  readonly transport: MemcachedTransport;
  readonly url?: undefined;
  readonly servers?: undefined;
  readonly client?: undefined;
}

export type MemcachedBackendOptions =
  | MemcachedUrlOptions
  | MemcachedServersOptions
  | MemcachedClientOptions
  | MemcachedTransportOptions;

/** The error of an option that cannot be used. */
export function invalid(options: RemoteOptions | undefined, reason: string): CacheError {
  return invalidOptions('memcached', options, reason);
}

/** The servers that the options name, with their login and TLS options. */
export function serverConfigs(
  options: MemcachedUrlOptions | MemcachedServersOptions,
  timeoutMs: number,
): readonly ServerConfig[] {
  const { url, servers, tls } = options;
  const given = typeof url === 'string' ? parseUrl(url) : undefined;
  if (url !== undefined && given === undefined) {
    throw invalid(options, 'url must be like memcached://user:password@host:port,host:port, the login percent-encoded');
  }
  const addresses = given?.servers ?? parseServers(servers);
  if (addresses === undefined) throw invalid(options, "servers must be like 'host:port,host:port', or a list of them");
  if (new Set(addresses.map(formatAddress)).size < addresses.length) throw invalid(options, 'a server is named twice');
  // With two logins a caller could not know which is used, and mixing them would give neither.
  if (given?.username !== undefined && (options.username ?? options.password) !== undefined) {
    throw invalid(options, 'give the login in url, or as username and password');
  }
  const username = options.username ?? given?.username;
  const password = options.password ?? given?.password;
  if (!isText(username) || !isText(password) || (username === undefined) !== (password === undefined)) {
    throw invalid(options, 'username and password must be strings without U+0000, both or neither');
  }
  const login = username === undefined || password === undefined ? undefined : { username, password };
  if (tls !== undefined && typeof tls !== 'boolean' && (typeof tls !== 'object' || tls === null)) {
    throw invalid(options, 'tls must be true, or options of tls.connect');
  }
  // Node refuses it only once it has begun to connect, and that socket's error would end the process.
  if (typeof tls === 'object' && tls.servername !== undefined && typeof tls.servername !== 'string') {
    throw invalid(options, 'tls.servername must be a string');
  }
  // Either may be meant, and without TLS the password would be sent in plain text.
  if (given?.tls && tls === false) throw invalid(options, 'the url asks for TLS, and tls is false');
  const secured = typeof tls === 'object' ? { ...tls } : (tls ?? given?.tls) ? {} : undefined;
  return addresses.map((address) => ({ ...address, tls: secured, login, timeoutMs }));
}

function isText(text: unknown): boolean {
  return text === undefined || (typeof text === 'string' && !text.includes('\0'));
}
