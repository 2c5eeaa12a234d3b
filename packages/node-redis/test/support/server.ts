import { startRedis } from '@ninefold/tooling/servers/redis';

/** A real server, by its URL. */
export async function startServer(): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const { host, port, stop } = await startRedis();
  return { url: `redis://${host}:${port}`, stop };
}
