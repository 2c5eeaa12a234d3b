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
  const module = new URL('../src/node-redis.ts', import.meta.url).href;
  return { module, factory: 'nodeRedisBackend', options: { url, namespace: run, timeoutMs: 10_000 } };
}

tryProcesses('several processes', backend);
