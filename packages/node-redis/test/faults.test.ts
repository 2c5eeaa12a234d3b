import { inspect } from 'node:util';
import type { FaultLab } from '@ninefold/core/conformance';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { tryFaults } from '@ninefold/tooling/testing/try-faults';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeRedisBackend } from '../src/node-redis.ts';

const PASSWORD = 's3cretPassword';

let lab: FaultLab;
let stop: () => Promise<void>;

beforeAll(async () => {
  const server = await startRedis(['--requirepass', PASSWORD]);
  const proxy = await FaultProxy.start(server);
  lab = {
    create: (options) => nodeRedisBackend({ url: `redis://:${PASSWORD}@127.0.0.1:${proxy.port}`, ...options }),
    direct: (options) => nodeRedisBackend({ url: `redis://:${PASSWORD}@127.0.0.1:${server.port}`, ...options }),
    set: (fault) => proxy.set(fault),
    inspect: (error) => inspect(error, { depth: 9, showHidden: true }),
    secrets: [PASSWORD],
  };
  stop = async () => {
    await proxy.stop();
    await server.stop();
  };
});

afterAll(() => stop());

tryFaults('node-redis', () => lab);

it('loses no reply that arrived while the event loop stalled for longer than the deadline', async () => {
  const timeoutMs = 500;
  const backend = lab.direct({ timeoutMs });
  await backend.setValue('k', 'v');
  const calls = Promise.all([backend.incr('n'), backend.getValue('k'), backend.setValue('m', 1)]);
  // The client writes in an immediate that it schedules after this one.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  const end = performance.now() + 4 * timeoutMs;
  while (performance.now() < end);
  expect(await calls).toEqual([1, 'v', undefined]);
  await backend.close();
});
