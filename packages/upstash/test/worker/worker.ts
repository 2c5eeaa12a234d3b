import { tryRules } from '@ninefold/tooling/testing/rules-alone';
import { isCacheError, upstashBackend, upstashCapabilities } from '../../src/upstash.ts';

// Put in by the bundler: at module scope a Worker has no environment.
declare const SERVICE: { readonly url: string; readonly token: string };

const backend = upstashBackend({ ...SERVICE, namespace: 'worker', timeoutMs: 10_000 });

// That of workerd stays behind: it never passes a timer of the same request that is due. On a busy machine entries would
// expire within their TTLs by it.
performance.now = Date.now;

const create = (given: object) => upstashBackend({ ...SERVICE, timeoutMs: 20_000, ...given });

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
      const capabilities = upstashCapabilities;
      return Response.json(name === 'rules' ? await tryRules({ create, capabilities }) : await visit(name));
    } catch (error) {
      return Response.json({ error: isCacheError(error) ? error.message : String(error) }, { status: 500 });
    }
  },
};
