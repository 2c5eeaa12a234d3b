import { startService } from './service.ts';

/** What the first program of the README needs. */
export async function startReadmeServers(): Promise<{
  readonly env: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}> {
  const { url, token, stop } = await startService();
  return { env: { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token }, stop };
}
