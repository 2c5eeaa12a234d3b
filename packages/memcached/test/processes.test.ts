import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { notLinearizable } from '@ninefold/core/conformance';
import { countersOf, historyOf, type ProcessBackend } from '@ninefold/tooling/processes';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer } from './support/server.ts';

const PROCESSES = 4;

let url: string;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ url, stop } = await startServer());
});

afterAll(() => stop());

function backend(run: string): ProcessBackend {
  const module = pathToFileURL(join(import.meta.dirname, '../src/memcached.ts')).href;
  return {
    module,
    factory: 'memcachedBackend',
    options: { url, timeoutMs: 10_000, namespace: `${run}-${Math.trunc(performance.timeOrigin)}` },
  };
}

describe('several processes', () => {
  it('count every increment once', async () => {
    const results = await countersOf(backend('count'), PROCESSES, 250);
    expect(results).toEqual(Array.from({ length: PROCESSES * 250 }, (_, index) => index + 1));
  }, 60_000);

  it('see what awaited operations on a key allow, and nothing else', async () => {
    const history = await historyOf(backend('mix'), PROCESSES, 60);
    expect(history.length).toBeGreaterThan(PROCESSES * 100);
    expect(notLinearizable(history)).toBeUndefined();
  }, 60_000);
});
