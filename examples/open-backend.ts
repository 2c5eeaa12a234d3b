import type { CacheBackend } from '@ninefold/core';
import { Failure } from './failure.ts';

interface Options {
  readonly namespace: string;
}

type Open = (address: string, options: Options) => Promise<CacheBackend>;

// Imported on demand, so that you only need to install the clients of the servers you use.
const adapters: Readonly<Record<string, Open>> = {
  'memory:': async (_address, options) => (await import('@ninefold/memory')).memoryBackend(options),
  'redis:': openRedis,
  'rediss:': openRedis,
  'memcached:': openMemcached,
  'memcacheds:': openMemcached,
  'upstash:': async (address, options) => {
    const { upstashBackend } = await import('@ninefold/upstash');
    const url = urlOf(address);
    const { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN } = process.env;
    const server = url.host === '' ? UPSTASH_REDIS_REST_URL : `https://${url.host}`;
    return upstashBackend({
      url: server,
      token: decodeURIComponent(url.password) || UPSTASH_REDIS_REST_TOKEN,
      ...options,
    });
  },
};

async function openRedis(address: string, options: Options): Promise<CacheBackend> {
  return (await import('@ninefold/redis')).redisBackend({ url: urlOf(address).href, ...options });
}

async function openMemcached(address: string, options: Options): Promise<CacheBackend> {
  return (await import('@ninefold/memcached')).memcachedBackend({ url: address, ...options });
}

function urlOf(address: string): URL {
  if (URL.canParse(address)) return new URL(address);
  throw new Failure('this is not a valid URL of a cache server');
}

/**
 * Opens the backend that a URL names: `memory:`; `redis:` or `rediss:`; `memcached:` or `memcacheds:`, with one server or several
 * (`memcached://host:port,host:port`); `upstash:` with the server in the environment, or `upstash://:token@host`.
 * Rejects with a `Failure` if the URL names no backend, and with `INVALID_OPTIONS` if the adapter refuses it.
 */
export async function openBackend(address: string, options: Options): Promise<CacheBackend> {
  const known = Object.keys(adapters).join(', ');
  // `URL` cannot parse an address with several servers.
  const protocol = /^[a-z][a-z0-9+.-]*:/i.exec(address)?.[0].toLowerCase();
  if (protocol === undefined)
    throw new Failure(`this is not the URL of a cache server, which begins with one of ${known}`);
  const open = adapters[protocol];
  if (open === undefined) throw new Failure(`there is no backend for ${protocol} URLs; use one of ${known}`);
  return await open(address, options);
}
