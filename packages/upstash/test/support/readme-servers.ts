import { startFront } from './service.ts';

/** What the README's first program reads from the environment. */
export async function startReadmeServers(): Promise<{ env: Record<string, string>; stop: () => Promise<void> }> {
  const { front, stop } = await startFront();
  return { env: { UPSTASH_REDIS_REST_URL: front.url, UPSTASH_REDIS_REST_TOKEN: front.token }, stop };
}
