import { checkModel } from '@ninefold/core/conformance';
import fc from 'fast-check';
import { it } from 'vitest';
import { memcachedBackend, memcachedCapabilities } from '../src/memcached.ts';
import { startServer } from './support/server.ts';

const { NINEFOLD_RUNS = '100', NINEFOLD_SEED } = process.env;

it('answers any sequence of calls as a Map would', async () => {
  const { url, stop } = await startServer();
  try {
    await checkModel({
      fc,
      create: (options) => memcachedBackend({ url, timeoutMs: 10_000, ...options }),
      capabilities: memcachedCapabilities,
      runs: Number(NINEFOLD_RUNS),
      seed: NINEFOLD_SEED === undefined ? undefined : Number(NINEFOLD_SEED),
    });
  } finally {
    await stop();
  }
});
