import { inspect } from 'node:util';
import { type FaultLab, faults, runFaultRule } from '@ninefold/core/conformance';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { nodeRedisBackend } from '../src/node-redis.ts';

const PASSWORD = 's3cretPassword';

let lab: FaultLab;
let stop: () => Promise<void>;
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown): void => void unhandled.push(reason);

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
  process.on('unhandledRejection', onUnhandled);
});

afterAll(async () => {
  process.off('unhandledRejection', onUnhandled);
  await stop();
});

describe('on a way to the server that fails', () => {
  for (const rule of faults) {
    it(`${rule.id}: ${rule.text}`, async () => {
      const words = (['log', 'warn', 'error', 'info', 'debug'] as const).map((method) => vi.spyOn(console, method));
      await runFaultRule(rule, lab, 'node-redis');
      for (const word of words) expect(word).not.toHaveBeenCalled();
      vi.restoreAllMocks();
      expect(unhandled).toEqual([]);
    }, 30_000);
  }
});
