import type { CacheBackend, RemoteOptions } from '@ninefold/core';
import { checkModel, describeCacheBackend } from '@ninefold/core/conformance';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { redisCapabilities } from '../../src/redis.ts';

const { NINEFOLD_RUNS = '100', NINEFOLD_SEED } = process.env;

/** Runs every rule, and the model test, on the backends that `make` creates. */
export function tryAll(name: string, make: (options: RemoteOptions) => CacheBackend): void {
  const create = (options: RemoteOptions): CacheBackend => make({ timeoutMs: 10_000, ...options });
  // Long enough for a cluster whose nodes share the processors of a busy machine.
  describeCacheBackend(name, { describe, it, create, capabilities: redisCapabilities, ruleTimeoutMs: 60_000 });
  it(`${name} answers any sequence of calls as a Map would`, async () => {
    await checkModel({
      fc,
      create,
      capabilities: redisCapabilities,
      runs: Number(NINEFOLD_RUNS),
      seed: NINEFOLD_SEED === undefined ? undefined : Number(NINEFOLD_SEED),
    });
  });
}
