import { startServer } from './server.ts';

/** Starts the server that the first program of the README needs. */
export async function startReadmeServers(): Promise<{
  readonly env: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}> {
  const { url, stop } = await startServer();
  return { env: { REDIS_URL: url }, stop };
}
