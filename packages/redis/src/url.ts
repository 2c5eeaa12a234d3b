/** What the URL of a server says of it, in the words of ioredis. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly db?: number;
  readonly family?: number;
  /** Whether it begins with `rediss://`. */
  readonly secure: boolean;
}

/** Why a URL cannot be used; quotes nothing of it, for it may hold a password. */
export class UrlError extends Error {}

/**
 * Reads `redis[s]://[user:password@]host[:port][/database][?family=4|6|0]`. Not left to the client, which takes localhost
 * for a missing host, any option from the query, and quotes a malformed URL with its password. Throws `UrlError`.
 */
export function parseServer(url: unknown, defaultPort: number): Server {
  if (typeof url !== 'string' || !URL.canParse(url))
    throw new UrlError('is no URL; it is like redis://host:port, with a password percent-encoded');
  const { protocol, hostname, port, username, password, pathname, searchParams } = new URL(url);
  if ((protocol !== 'redis:' && protocol !== 'rediss:') || hostname === '')
    throw new UrlError('begins with redis:// or rediss:// and names a host');
  const db = /^\/?(\d*)\/?$/.exec(pathname)?.[1];
  if (db === undefined) throw new UrlError('has a path that is no number of a database');
  const { family, ...others } = Object.fromEntries(searchParams);
  const [other] = Object.keys(others);
  if (other !== undefined) throw new UrlError('has parameters; give them as options in `redis`');
  if (family !== undefined && !/^[046]$/.test(family)) throw new UrlError('has a family that is none of 0, 4 and 6');
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

/** Reads the URLs of servers that share user, password and protocol; returns what they share with the first. */
export function parseServers(urls: unknown, defaultPort: number): readonly [Server, ...Server[]] {
  if (!Array.isArray(urls)) throw new UrlError('is a list of URLs');
  const [first, ...others] = urls.map((url) => parseServer(url, defaultPort));
  if (first === undefined) throw new UrlError('names no server');
  // A cluster has no others, and the database of a primary is none of its sentinels'.
  if ([first, ...others].some(({ db = 0 }) => db !== 0)) throw new UrlError('has URLs that name a database but 0');
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
