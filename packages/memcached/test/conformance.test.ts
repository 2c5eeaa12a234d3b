import { describeCacheBackend } from '@ninefold/core/conformance';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { memcachedBackend, memcachedCapabilities } from '../src/memcached.ts';
import { startServer } from './support/server.ts';

let url: string;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ url, stop } = await startServer());
});

afterAll(() => stop());

describeCacheBackend('memcached', {
  describe,
  it,
  create: (options) => memcachedBackend({ url, timeoutMs: 10_000, ...options }),
  capabilities: memcachedCapabilities,
});
