import { checkModel } from '@ninefold/core/conformance';
import fc from 'fast-check';
import { it } from 'vitest';
import { upstashBackend, upstashCapabilities } from '../src/upstash.ts';
import { startService } from './support/service.ts';

const { NINEFOLD_RUNS = '100', NINEFOLD_SEED } = process.env;

it('answers any sequence of calls as a Map would', async () => {
  const { url, token, stop } = await startService();
  try {
    await checkModel({
      fc,
      create: (options) => upstashBackend({ url, token, timeoutMs: 10_000, ...options }),
      capabilities: upstashCapabilities,
      runs: Number(NINEFOLD_RUNS),
      seed: NINEFOLD_SEED === undefined ? undefined : Number(NINEFOLD_SEED),
    });
  } finally {
    await stop();
  }
});
