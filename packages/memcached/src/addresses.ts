/** The address of a server; as text `host:port`, with an IPv6 address in brackets. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The parts of a URL. */
export interface ParsedUrl {
  readonly servers: readonly Address[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: boolean;
}

const DEFAULT_PORT = 11211;

/** `a:11211,b:11211` or a list of such; `undefined` if it is neither, or if one is not an address. */
export function parseServers(servers: unknown): readonly Address[] | undefined {
  const list: unknown = typeof servers === 'string' ? servers.split(',') : servers;
  if (!Array.isArray(list) || list.length === 0) return undefined;
  const addresses = list.map((server) => (typeof server === 'string' ? parseAddress(server.trim()) : undefined));
  const known = addresses.filter((address) => address !== undefined);
  return known.length === list.length ? known : undefined;
}

function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([^\s:/@[\]?#]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3];
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  return host === undefined || number < 1 || number > 65_535 ? undefined : { host, port: number };
}

/** `memcached://[user:password@]a:11211[,b:11211]`, or `memcacheds://` for TLS; `undefined` if it is malformed. */
export function parseUrl(url: string): ParsedUrl | undefined {
  const match = /^memcached(s?):\/\/(?:([^/@:]*):([^/@]*)@)?([^/@?#]+)\/?$/.exec(url);
  if (match === null) return undefined;
  const [, secure, username, password, hosts = ''] = match;
  const servers = parseServers(hosts);
  if (servers === undefined) return undefined;
  try {
    return {
      servers,
      username: username && decodeURIComponent(username),
      password: password && decodeURIComponent(password),
      tls: secure === 's',
    };
  } catch {
    // Malformed percent-encoding.
    return undefined;
  }
}

/** An address as text, which is also the server's name on the hash ring. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
