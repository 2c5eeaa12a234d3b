import { describeCacheBackend, type SuiteOptions } from '@ninefold/core/conformance';
import { tryModel } from '@ninefold/tooling/testing/try-model';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { upstashBackend, upstashCapabilities } from '../src/upstash.ts';
import { type Service, startService } from './support/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});

afterAll(() => service.stop());

const options: SuiteOptions = {
  create: (options) => upstashBackend({ url: service.url, token: service.token, timeoutMs: 10_000, ...options }),
  capabilities: upstashCapabilities,
};

describeCacheBackend('upstash', { describe, it, ...options });
tryModel('upstash', options);
