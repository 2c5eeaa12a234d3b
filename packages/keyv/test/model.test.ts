import { checkModel } from '@ninefold/core/conformance';
import fc from 'fast-check';
import { it } from 'vitest';
import { keyvBackend, keyvCapabilities } from '../src/keyv.ts';

const { NINEFOLD_RUNS = '100', NINEFOLD_SEED } = process.env;

it('answers any sequence of calls as a Map would', async () => {
  const store = new Map();
  await checkModel({
    fc,
    create: (options) => keyvBackend({ store, ...options }),
    capabilities: keyvCapabilities,
    runs: Number(NINEFOLD_RUNS),
    seed: NINEFOLD_SEED === undefined ? undefined : Number(NINEFOLD_SEED),
  });
});
