import { inspect } from 'node:util';
import { type FaultLab, faults, runFaultRule } from '@ninefold/core/conformance';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { redisBackend } from '../src/redis.ts';
import { staysQuiet } from './support/stays-quiet.ts';

const PASSWORD = 's3cretPassword';

let lab: FaultLab;
let stop: () => Promise<void>;

beforeAll(async () => {
  const server = await startRedis(['--requirepass', PASSWORD]);
  const proxy = await FaultProxy.start(server);
  lab = {
    create: (options) => redisBackend({ url: `redis://:${PASSWORD}@127.0.0.1:${proxy.port}`, ...options }),
    direct: (options) => redisBackend({ url: `redis://:${PASSWORD}@127.0.0.1:${server.port}`, ...options }),
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

describe('on a way to the server that fails', () => {
  staysQuiet();

  for (const rule of faults) {
    it(`${rule.id}: ${rule.text}`, () => runFaultRule(rule, lab, 'redis'), 30_000);
  }
});
