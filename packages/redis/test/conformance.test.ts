import { describeCacheBackend } from '@ninefold/core/conformance';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { redisBackend, redisCapabilities } from '../src/redis.ts';
import { startServer } from './support/server.ts';

let url: string;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ url, stop } = await startServer());
});

afterAll(() => stop());

describeCacheBackend('redis', {
  describe,
  it,
  create: (options) => redisBackend({ url, ...options }),
  capabilities: redisCapabilities,
});
