import { checkModel } from '@ninefold/core/conformance';
import fc from 'fast-check';
import { it } from 'vitest';
import { templateBackend, templateCapabilities } from '../src/template.ts';

const { NINEFOLD_RUNS = '100', NINEFOLD_SEED } = process.env;

it('answers any sequence of calls as a Map would', async () => {
  const store = new Map();
  await checkModel({
    fc,
    create: (options) => templateBackend({ store, ...options }),
    capabilities: templateCapabilities,
    runs: Number(NINEFOLD_RUNS),
    seed: NINEFOLD_SEED === undefined ? undefined : Number(NINEFOLD_SEED),
  });
});
