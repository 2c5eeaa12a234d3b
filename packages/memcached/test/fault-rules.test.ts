import { setTimeout as sleep } from 'node:timers/promises';
import { DriverError } from '@ninefold/core';
import type { FaultLab } from '@ninefold/core/conformance';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { tryFaults } from '@ninefold/tooling/testing/try-faults';
import { trySilences } from '@ninefold/tooling/testing/try-silences';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Connection } from '../src/connection.ts';
import { memcachedBackend } from '../src/memcached.ts';
import { encode, Opcode } from '../src/protocol.ts';
import { startLab } from './support/lab.ts';

let lab: FaultLab;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ lab, stop } = await startLab());
});

afterAll(() => stop());

tryFaults('memcached', () => lab);

trySilences({
  start: () => startMemcached(),
  open: ({ port, timeoutMs }) => memcachedBackend({ servers: `127.0.0.1:${port}`, timeoutMs }),
});

/** A connection to the server, and a request on it whose outcome is "a response" or why there is none. */
function connect(
  server: ServerProcess,
  config: { readonly timeoutMs: number } = { timeoutMs: 30_000 },
): {
  readonly connection: Connection;
  readonly send: (timeoutMs: number) => Promise<string>;
} {
  const connection = new Connection(
    { ...server, tls: undefined, login: undefined, ...config },
    { opened: () => undefined, ended: () => undefined },
  );
  const send = (timeoutMs: number): Promise<string> =>
    new Promise((resolve) => {
      connection.send({
        call: { deadline: performance.now() + timeoutMs, ended: false, sent: false },
        size: 1,
        encode: (opaque) => encode([{ opcode: Opcode.noop }], opaque),
        receive: () => {
          resolve('a response');
          return true;
        },
        fail: ({ message }) => resolve(message),
      });
    });
  return { connection, send };
}

it('finds a connection stalled as early as before although it was stalled a moment ago', async () => {
  const server = await startMemcached();
  const { connection, send } = connect(server, { timeoutMs: 200 });
  expect(await send(30_000)).toBe('a response');
  await server.pause();
  const first = send(30_000);
  await expect.poll(() => connection.isStalled).toBe(true);
  server.resume();
  expect(await first).toBe('a response');
  expect(connection.isStalled).toBe(false);
  await server.pause();
  const second = send(30_000);
  // Longer than 180 ms, and shorter than the second until a stalled connection is looked at again.
  for (const milliseconds of [400, 10, 10, 10]) await sleep(milliseconds);
  expect(connection.isStalled).toBe(true);
  server.resume();
  expect(await second).toBe('a response');
  connection.fail(new DriverError('UNAVAILABLE', 'the test is over'));
  await server.stop();
});

it('loses no response that arrived during a stall that began just before the check for silence', async () => {
  const [SILENCE_MS, STALL_MS] = [1000, 1000];
  const server = await startMemcached();
  const { connection, send } = connect(server);
  expect(await send(30_000)).toBe('a response');
  await server.pause();
  // The check that began with the first request is over, and the next one begins with the next request.
  await sleep(SILENCE_MS);
  let stalled = false;
  const stall = (): void => {
    stalled = true;
    server.resume();
    const end = performance.now() + STALL_MS;
    while (performance.now() < end);
  };
  const outcome = send(SILENCE_MS);
  // Timers of the same length fire in their order: the stall begins between the last two of the check.
  setTimeout(() => setTimeout(() => setImmediate(stall), 0), SILENCE_MS);
  expect(await outcome).toBe('a response');
  expect(stalled).toBe(true);
  connection.retired = true;
  await server.stop();
});

it('a connection still waits for the response to a later request when the deadline of an earlier one is over', async () => {
  const server = await startMemcached();
  const { connection, send } = connect(server);
  expect(await send(30_000)).toBe('a response');
  await server.pause();
  const outcomes = [send(100), send(30_000)];
  // Until the check for silence.
  await sleep(1300);
  server.resume();
  expect(await Promise.all(outcomes)).toEqual(['a response', 'a response']);
  connection.fail(new DriverError('UNAVAILABLE', 'the test is over'));
  await server.stop();
});
