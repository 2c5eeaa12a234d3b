// A Cloudflare Worker with Hono: pages from a slow origin, cached in Upstash Redis for all places of the world.
import { type Cache, type CacheBackend, createCache } from '@ninefold/cache';
import { upstashBackend } from '@ninefold/upstash';
import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';

interface Env {
  readonly UPSTASH_REDIS_REST_URL: string;
  readonly UPSTASH_REDIS_REST_TOKEN: string;
  readonly ORIGIN: string;
}

// Made from the environment of the first request; it does no I/O by itself, so it may serve them all.
let backend: CacheBackend | undefined;

// One for each request: a Worker may end a request with its loads, for which the others would wait in vain.
function cacheOf(env: Env): Cache {
  backend ??= upstashBackend({
    url: env.UPSTASH_REDIS_REST_URL,
    token: env.UPSTASH_REDIS_REST_TOKEN,
    namespace: 'pages',
  });
  return createCache(backend, { ttl: 300 });
}

const app = new Hono<{ Bindings: Env }>();

app.get('/pages/:name', async (context) => {
  const { name } = context.req.param();
  const load = async ({ signal }: { readonly signal: AbortSignal }): Promise<string> => {
    const response = await fetch(`${context.env.ORIGIN}/${encodeURIComponent(name)}`, { signal });
    // What a loader throws is not cached.
    if (!response.ok) throw new HTTPException(502, { message: `the origin answered ${response.status}` });
    return await response.text();
  };
  return context.text(await cacheOf(context.env).getOrSet(['page', name], load, { tags: ['pages'] }));
});

app.delete('/pages/:name', async (context) => {
  await cacheOf(context.env).delete(['page', context.req.param('name')]);
  return context.body(null, 204);
});

app.delete('/pages', async (context) => {
  await cacheOf(context.env).invalidateTags('pages');
  return context.body(null, 204);
});

// biome-ignore lint/style/noDefaultExport: what a Worker is
export default app;
