// A Cloudflare Worker with Hono that caches the pages of a slow origin in Upstash Redis, for all locations of the Worker.
import { type Cache, type CacheBackend, createCache } from '@ninefold/cache';
import { upstashBackend } from '@ninefold/upstash';
import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';

interface Env {
  readonly UPSTASH_REDIS_REST_URL: string;
  readonly UPSTASH_REDIS_REST_TOKEN: string;
  readonly ORIGIN: string;
}

// Created from the environment of the first request. A backend does no I/O of its own, so all requests can share it.
let backend: CacheBackend | undefined;

// One cache per request: when a Worker ends a request, its loads end too, and other requests would wait for them in vain.
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
    // An error thrown by a loader is not cached.
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

// biome-ignore lint/style/noDefaultExport: a Worker's entry point
export default app;
