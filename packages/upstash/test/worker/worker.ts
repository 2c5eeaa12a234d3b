import { isCacheError, upstashBackend } from '../../src/upstash.ts';
import { tryRules } from '../programs/try-rules.ts';

// Put in by the bundler: at module scope a Worker has no environment.
declare const SERVICE: { readonly url: string; readonly token: string };

const backend = upstashBackend({ ...SERVICE, namespace: 'worker', timeoutMs: 10_000 });

/** One visitor: counts, stores, reads back alone and coalesced. */
async function visit(name: string): Promise<unknown> {
  const visits = await backend.incr('visits', 1, { ttl: 60 });
  await backend.multiSetValues(
    [
      [`${name}:a`, { at: new Date(0) }],
      [`${name}:b`, visits],
    ],
    { ttl: 60 },
  );
  const [a, b, none] = await Promise.all([
    backend.getValue<{ at: Date }>(`${name}:a`),
    backend.getValue<number>(`${name}:b`),
    backend.getValue(`${name}:none`),
  ]);
  return { visits, same: b === visits, date: a?.at.getTime() === 0, miss: none === undefined };
}

// biome-ignore lint/style/noDefaultExport: what a Worker is
export default {
  async fetch(request: Request): Promise<Response> {
    const name = new URL(request.url).pathname.slice(1);
    try {
      return Response.json(name === 'rules' ? await tryRules(SERVICE) : await visit(name));
    } catch (error) {
      return Response.json({ error: isCacheError(error) ? error.message : String(error) }, { status: 500 });
    }
  },
};
