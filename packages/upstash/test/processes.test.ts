import { notLinearizable } from '@ninefold/core/conformance';
import { countersOf, historyOf, type ProcessBackend } from '@ninefold/tooling/processes';
import { tryProcesses } from '@ninefold/tooling/testing/try-processes';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Service, startService } from './support/service.ts';

const PROCESSES = 4;

let service: Service;

beforeAll(async () => {
  service = await startService();
});

afterAll(() => service.stop());

const right = { file: '../src/upstash.ts', factory: 'upstashBackend' };
const wrong = { file: 'support/get-and-set.ts', factory: 'getAndSetBackend' };

function backend({ file, factory }: typeof right, run: string): ProcessBackend {
  const namespace = `${run}-${Math.trunc(performance.timeOrigin)}`;
  const { url, token } = service;
  return {
    module: new URL(file, import.meta.url).href,
    factory,
    options: { url, token, namespace, timeoutMs: 10_000 },
  };
}

tryProcesses('several processes', (run) => backend(right, run));

it('several processes detect an increment that is a read and a write, by its counts and by its history', async () => {
  const results = await countersOf(backend(wrong, 'wrong-count'), PROCESSES, 100);
  expect(new Set(results).size).toBeLessThan(results.length);
  expect(notLinearizable(await historyOf(backend(wrong, 'wrong-mix'), PROCESSES, 60))).toMatch(/^k[012]$/);
});
