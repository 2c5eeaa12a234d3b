import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { type FaultLab, faults, runFaultRule } from '@ninefold/core/conformance';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { tryFaults } from '@ninefold/tooling/testing/try-faults';
import { type SilenceLab, tryLateThenSilent, trySilences } from '@ninefold/tooling/testing/try-silences';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeRedisBackend } from '../src/node-redis.ts';

const PASSWORD = 's3cretPassword';

interface Place {
  readonly lab: FaultLab;
  readonly server: ServerProcess;
  stop(): Promise<void>;
}

async function startPlace(): Promise<Place> {
  const server = await startRedis(['--requirepass', PASSWORD]);
  const proxy = await FaultProxy.start(server);
  const lab: FaultLab = {
    create: (options) => nodeRedisBackend({ url: `redis://:${PASSWORD}@127.0.0.1:${proxy.port}`, ...options }),
    direct: (options) => nodeRedisBackend({ url: `redis://:${PASSWORD}@127.0.0.1:${server.port}`, ...options }),
    set: (fault) => proxy.set(fault),
    inspect: (error) => inspect(error, { depth: 9, showHidden: true }),
    secrets: [PASSWORD],
  };
  const stop = async (): Promise<void> => {
    await proxy.stop();
    await server.stop();
  };
  return { lab, server, stop };
}

let lab: FaultLab;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ lab, stop } = await startPlace());
});

afterAll(() => stop());

tryFaults('node-redis', () => lab);

it('keeps the fault rules while its server stalls', async () => {
  const blamed: unknown[] = [];
  const trials = faults
    .filter(({ id }) => /idle-cut|drip|slow-but-in-time|reply-lost-rst/.test(id))
    .map(async (rule) => {
      const place = await startPlace();
      let resumed: Promise<void> | undefined;
      const set: FaultLab['set'] = async (fault) => {
        await place.lab.set(fault);
        if (fault === undefined) return;
        if (resumed === undefined) await place.server.pause();
        resumed ??= sleep(6000).then(() => place.server.resume());
      };
      await runFaultRule(rule, { ...place.lab, set }).catch((error: unknown) => blamed.push(error));
      await resumed;
      await place.stop();
    });
  await Promise.all(trials);
  expect(blamed).toEqual([]);
});

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

it('loses no reply that arrived during a stall that began just before the check for silence', async () => {
  const timeoutMs = 400;
  const silenceMs = timeoutMs + 100;
  const server = await startRedis(['--enable-debug-command', 'yes']);
  const backend = nodeRedisBackend({ url: `redis://127.0.0.1:${server.port}`, timeoutMs });
  const connected = backend.setValue('k', 'v');
  const checked = new Promise<void>((resolve) => {
    // Timers of the same length fire in their order, and so does what they leave to the same turn.
    setTimeout(() => setImmediate(resolve), silenceMs);
  });
  await connected;
  await sleep(timeoutMs - 100);
  const slept = ask(server, 'DEBUG', 'SLEEP', '0.3');
  await sleep(50);
  // A silent connection would not answer a read.
  const found = backend.getValue('k');
  await checked;
  const end = performance.now() + 4 * silenceMs;
  while (performance.now() < end);
  expect(await found).toBe('v');
  await slept;
  await backend.close();
  await server.stop();
});

const silenceLab: SilenceLab = {
  start: () => startRedis(),
  open: ({ port, timeoutMs }) => nodeRedisBackend({ url: `redis://127.0.0.1:${port}`, timeoutMs }),
};
trySilences(silenceLab);
tryLateThenSilent(silenceLab);
