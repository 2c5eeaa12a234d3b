import { startMemcached } from '@ninefold/tooling/servers/memcached';

/** A real server, by its URL. */
export async function startServer(): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const { host, port, stop } = await startMemcached();
  return { url: `memcached://${host}:${port}`, stop };
}
