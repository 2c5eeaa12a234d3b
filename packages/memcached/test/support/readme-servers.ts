import { startServer } from './server.ts';

/** What the first program of the README needs. */
export async function startReadmeServers(): Promise<{
  readonly env: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}> {
  const { url, stop } = await startServer();
  return { env: { MEMCACHED_URL: url }, stop };
}
