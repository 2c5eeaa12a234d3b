/** The parts of a server's URL, named as in ioredis's options. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly db?: number;
  readonly family?: number;
  /** Whether the URL begins with `rediss://`. */
  readonly secure: boolean;
}

/** The reason a URL cannot be used. It never quotes the URL, which may hold a password. */
export class UrlError extends Error {}

/**
 * Parses `redis[s]://[user:password@]host[:port][/database][?family=0|4|6]`. Throws `UrlError`. ioredis's own parser assumes
 * localhost for a missing host, takes any option from the query, and quotes a malformed URL with its password.
 */
export function parseServer(url: unknown, defaultPort: number): Server {
  if (typeof url !== 'string' || !URL.canParse(url))
    throw new UrlError('is not a URL like redis://host:port, with the password percent-encoded');
  const { protocol, hostname, port, username, password, pathname, searchParams, hash } = new URL(url);
  if ((protocol !== 'redis:' && protocol !== 'rediss:') || hostname === '')
    throw new UrlError('must begin with redis:// or rediss:// and name a host');
  // In redis://user:12#34@host the host would be `user`.
  if (hash !== '') throw new UrlError('has a # that is not percent-encoded');
  const db = /^\/?(\d{0,9})\/?$/.exec(pathname)?.[1];
  if (db === undefined) throw new UrlError('has a path that is not a database number');
  const { family, ...others } = Object.fromEntries(searchParams);
  const [other] = Object.keys(others);
  if (other !== undefined) throw new UrlError('has parameters; give them as options in `redis`');
  if (family !== undefined && !/^[046]$/.test(family)) throw new UrlError('has a family other than 0, 4 and 6');
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? defaultPort : Number(port),
    ...(username === '' ? {} : { username: decode(username) }),
    ...(password === '' ? {} : { password: decode(password) }),
    ...(db === '' ? {} : { db: Number(db) }),
    ...(family === undefined ? {} : { family: Number(family) }),
    secure: protocol === 'rediss:',
  };
}

/** Parses the URLs of servers that must have the same user, password and protocol. Throws `UrlError`. */
export function parseServers(urls: unknown, defaultPort: number): readonly [Server, ...Server[]] {
  if (!Array.isArray(urls)) throw new UrlError('must be a list of URLs');
  const [first, ...others] = urls.map((url) => parseServer(url, defaultPort));
  if (first === undefined) throw new UrlError('names no server');
  // A cluster has no other database, and that of a primary is not for the URLs of its sentinels.
  if ([first, ...others].some(({ db = 0 }) => db !== 0))
    throw new UrlError('has URLs that name a database other than 0');
  for (const { username, password, secure } of others)
    if (username !== first.username || password !== first.password || secure !== first.secure)
      throw new UrlError('has URLs that differ in user, password or protocol');
  return [first, ...others];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UrlError('has a user or password that is not percent-encoded');
  }
}
