import type { CacheBackend } from '@ninefold/core';
import { Failure } from './failure.ts';

interface Options {
  readonly namespace: string;
}

type Open = (address: string, options: Options) => Promise<CacheBackend>;

// Imported when asked for: nobody needs the clients of servers that they do not have.
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
  throw new Failure('this is no URL of a cache server, though it begins like one');
}

/**
 * The backend that a URL names: `memory:`; `redis:` or `rediss:`; `memcached:` or `memcacheds:`, with one server or several
 * (`memcached://host:port,host:port`); `upstash:` with the server in the environment, or `upstash://:token@host`.
 * Throws a `Failure` for what names none, and `INVALID_OPTIONS` for what its adapter refuses.
 */
export async function openBackend(address: string, options: Options): Promise<CacheBackend> {
  const known = Object.keys(adapters).join(', ');
  // Not by `URL`: one of several servers is no URL to it.
  const protocol = /^[a-z][a-z0-9+.-]*:/i.exec(address)?.[0].toLowerCase();
  if (protocol === undefined) throw new Failure(`this is no URL of a cache server; it begins with one of ${known}`);
  const open = adapters[protocol];
  if (open === undefined) throw new Failure(`there is no backend for ${protocol} URLs; there is one for ${known}`);
  return await open(address, options);
}
