import type { CacheBackend } from '@ninefold/core';
import { Failure } from './failure.ts';

interface Options {
  readonly namespace: string;
}

type Open = (url: URL, options: Options) => Promise<CacheBackend>;

// Imported when asked for: nobody needs the clients of servers that they do not have.
const adapters: Readonly<Record<string, Open>> = {
  'memory:': async (_url, options) => (await import('@ninefold/memory')).memoryBackend(options),
  'redis:': openRedis,
  'rediss:': openRedis,
  'upstash:': async (url, options) => {
    const { upstashBackend } = await import('@ninefold/upstash');
    const { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN } = process.env;
    const server = url.host === '' ? UPSTASH_REDIS_REST_URL : `https://${url.host}`;
    return upstashBackend({
      url: server,
      token: decodeURIComponent(url.password) || UPSTASH_REDIS_REST_TOKEN,
      ...options,
    });
  },
};

async function openRedis({ href }: URL, options: Options): Promise<CacheBackend> {
  return (await import('@ninefold/redis')).redisBackend({ url: href, ...options });
}

/**
 * The backend that a URL names: `memory:`; `redis:` or `rediss:`; `upstash:` with the server in the environment, or `upstash://:token@host`.
 * Throws a `Failure` for what names none, and `INVALID_OPTIONS` for what its adapter refuses.
 */
export async function openBackend(address: string, options: Options): Promise<CacheBackend> {
  const known = Object.keys(adapters).join(', ');
  if (!URL.canParse(address)) throw new Failure(`this is no URL of a cache server; it begins with one of ${known}`);
  const url = new URL(address);
  const open = adapters[url.protocol];
  if (open === undefined) throw new Failure(`there is no backend for ${url.protocol} URLs; there is one for ${known}`);
  return await open(url, options);
}
