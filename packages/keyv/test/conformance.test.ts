import KeyvRedis from '@keyv/redis';
import { describeCacheBackend, type SuiteOptions } from '@ninefold/core/conformance';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { tryModel } from '@ninefold/tooling/testing/try-model';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { keyvBackend, keyvCapabilities } from '../src/keyv.ts';

const map = new Map();

const options: SuiteOptions = {
  create: (options) => keyvBackend({ store: map, ...options }),
  capabilities: keyvCapabilities,
};

describeCacheBackend('keyv on a Map', { describe, it, ...options });
tryModel('keyv on a Map', options);

let redis: KeyvRedis<string>;
let stop: () => Promise<void>;

beforeAll(async () => {
  const server = await startRedis();
  redis = new KeyvRedis<string>(`redis://${server.host}:${server.port}`, { throwOnErrors: true });
  stop = async () => {
    await redis.disconnect();
    await server.stop();
  };
});

afterAll(() => stop());

describeCacheBackend('keyv on Redis', {
  describe,
  it,
  create: (options) => keyvBackend({ store: redis, timeoutMs: 10_000, ...options }),
  capabilities: keyvCapabilities,
});
