import { startRedis } from '@ninefold/tooling/servers/redis';
import { UpstashFront } from '@ninefold/tooling/upstash-front';

export interface Service {
  readonly url: string;
  readonly token: string;
  /** Absent on the live service, which can neither inject faults nor count requests. */
  readonly front: UpstashFront | undefined;
  stop(): Promise<void>;
}

/** The live service where its two variables are set, else a REST front before a real Redis. */
export async function startService(): Promise<Service> {
  const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = process.env;
  if (url !== undefined && token !== undefined) return { url, token, front: undefined, stop: async () => undefined };
  const { front, stop } = await startFront();
  return { url: front.url, token: front.token, front, stop };
}

/** The REST front, whatever the environment says: for faults and for counting. */
export async function startFront(): Promise<{ readonly front: UpstashFront; readonly stop: () => Promise<void> }> {
  const redis = await startRedis();
  const front = await UpstashFront.start({ redis, token: 'AXkfASQgt0ken' });
  const stop = async (): Promise<void> => {
    await front.stop();
    await redis.stop();
  };
  return { front, stop };
}
