import type { CacheBackend, RemoteOptions } from '@ninefold/core';
import { describeCacheBackend } from '@ninefold/core/conformance';
import { tryModel } from '@ninefold/tooling/testing/try-model';
import { describe, it } from 'vitest';
import { redisCapabilities } from '../../src/redis.ts';

/** Runs every rule, and the model test, on the backends that `make` creates. */
export function tryAll(name: string, make: (options: RemoteOptions) => CacheBackend): void {
  const create = (options: RemoteOptions): CacheBackend => make({ timeoutMs: 10_000, ...options });
  // Long enough for a cluster whose nodes share the processors of a busy machine.
  const options = { create, capabilities: redisCapabilities, ruleTimeoutMs: 60_000 };
  describeCacheBackend(name, { describe, it, ...options });
  tryModel(name, options);
}
