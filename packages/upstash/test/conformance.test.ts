import { describeCacheBackend } from '@ninefold/core/conformance';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { upstashBackend, upstashCapabilities } from '../src/upstash.ts';
import { type Service, startService } from './support/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});

afterAll(() => service.stop());

describeCacheBackend('upstash', {
  describe,
  it,
  create: (options) => upstashBackend({ url: service.url, token: service.token, timeoutMs: 10_000, ...options }),
  capabilities: upstashCapabilities,
});
