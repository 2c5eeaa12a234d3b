import { checkModel } from '@ninefold/core/conformance';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { memoryBackend, memoryCapabilities } from '../src/memory.ts';

const { NINEFOLD_RUNS = '100', NINEFOLD_SEED } = process.env;
let now = 0;

it('answers any sequence of calls as a Map would, while time passes', async () => {
  await checkModel({
    fc,
    create: (options) => memoryBackend({ ...options, now: () => now }),
    capabilities: memoryCapabilities,
    clock: {
      advance(milliseconds: number): void {
        now += milliseconds;
      },
    },
    runs: Number(NINEFOLD_RUNS),
    seed: NINEFOLD_SEED === undefined ? undefined : Number(NINEFOLD_SEED),
  });
  expect(now).toBeGreaterThan(0);
});
