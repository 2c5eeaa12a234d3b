import { startMemcached } from '@ninefold/tooling/servers/memcached';

/** A server by its URL: the hosted one that the environment names as MemCachier does, else one of our own. */
export async function startServer(): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const { MEMCACHIER_SERVERS: servers, MEMCACHIER_USERNAME: username, MEMCACHIER_PASSWORD: password } = process.env;
  if (servers !== undefined && username !== undefined && password !== undefined) {
    const login = [username, password].map(encodeURIComponent).join(':');
    return { url: `memcached://${login}@${servers}`, stop: async () => undefined };
  }
  const { host, port, stop } = await startMemcached();
  return { url: `memcached://${host}:${port}`, stop };
}
