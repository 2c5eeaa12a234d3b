import { startMemcached } from '@ninefold/tooling/servers/memcached';

/** The URL of a server: the hosted one of MemCachier's environment variables, or else one started here. */
export async function startServer(): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const { MEMCACHIER_SERVERS: servers, MEMCACHIER_USERNAME: username, MEMCACHIER_PASSWORD: password } = process.env;
  if (servers !== undefined && username !== undefined && password !== undefined) {
    const login = [username, password].map(encodeURIComponent).join(':');
    return { url: `memcached://${login}@${servers}`, stop: async () => undefined };
  }
  const { host, port, stop } = await startMemcached();
  return { url: `memcached://${host}:${port}`, stop };
}
