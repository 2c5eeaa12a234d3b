import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CreateOptions,
  describeCacheBackend,
  type Rule,
  rules,
  runRule,
  type SuiteOptions,
} from '@ninefold/core/conformance';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import { tryModel } from '@ninefold/tooling/testing/try-model';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { memcachedBackend, memcachedCapabilities } from '../src/memcached.ts';
import { startServer } from './support/server.ts';

let url: string;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ url, stop } = await startServer());
});

afterAll(() => stop());

const options: SuiteOptions = {
  create: (options) => memcachedBackend({ url, timeoutMs: 10_000, ...options }),
  capabilities: memcachedCapabilities,
};

describeCacheBackend('memcached', { describe, it, ...options });
tryModel('memcached', options);

it('a rule that waits does not blame it for a server that stood still meanwhile, whose clock ticks', async () => {
  const rule = rules.find(({ id }) => id === 'ttl/tiny') as Rule;
  // Whether the server answers before its clock ticks is a matter of chance.
  const trials = Array.from({ length: 5 }, async () => {
    const server = await startMemcached();
    const create = (options: CreateOptions) =>
      memcachedBackend({ servers: `${server.host}:${server.port}`, timeoutMs: 20_000, ...options });
    const trial = runRule(rule, { create, capabilities: memcachedCapabilities });
    await Promise.all([trial, sleep(700).then(() => server.pause()), sleep(4500).then(() => server.resume())]);
    await server.stop();
  });
  await Promise.all(trials);
});
