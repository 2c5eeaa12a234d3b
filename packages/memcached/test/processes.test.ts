import type { ProcessBackend } from '@ninefold/tooling/processes';
import { tryProcesses } from '@ninefold/tooling/testing/try-processes';
import { afterAll, beforeAll } from 'vitest';
import { startServer } from './support/server.ts';

let url: string;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ url, stop } = await startServer());
});

afterAll(() => stop());

function backend(run: string): ProcessBackend {
  const module = new URL('../src/memcached.ts', import.meta.url).href;
  return {
    module,
    factory: 'memcachedBackend',
    options: { url, timeoutMs: 10_000, namespace: `${run}-${Math.trunc(performance.timeOrigin)}` },
  };
}

tryProcesses('several processes', backend);
