import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheError } from '@ninefold/core';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { staysQuiet } from '@ninefold/tooling/testing/stays-quiet';
import { type SilenceLab, tryLateThenSilent, trySilences } from '@ninefold/tooling/testing/try-silences';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { redisBackend } from '../src/redis.ts';
import { Load, miscounted, recovered, settled } from './support/load.ts';
import { open, serve, TIMEOUT_MS } from './support/servers-of-test.ts';

const counters = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const unreached = /^(TIMEOUT|UNAVAILABLE)$/;

staysQuiet();

describe('a server that fails under load', () => {
  it('is used again after it was killed and started, and every increment counted at most once', async () => {
    // After its restart the server still has every write that it acknowledged.
    const server = await serve('--appendonly', 'yes', '--appendfsync', 'always');
    const backend = open(server);
    const load = new Load(backend, counters);
    await load.counts();
    await server.kill();
    await sleep(700);
    await server.restart();
    await recovered(backend, 'a');
    await load.counts();
    const ended = await load.stop();
    expect(ended.failures.length).toBeGreaterThan(0);
    for (const { code } of ended.failures) expect(code).toMatch(unreached);
    expect(await miscounted(ended, open(server))).toEqual([]);
  });

  it('is tried by each call, with the reason of its failure, for as long as it is down', async () => {
    const server = await serve();
    const backend = open(server, { timeoutMs: 5000 });
    await backend.getValue('k');
    await server.kill();
    const refused = /cannot be reached \(ECONNREFUSED\)|connection was lost/;
    const durations: number[] = [];
    for (let call = 0; call < 31; call++) {
      const start = performance.now();
      expect((await failureOf(backend.getValue('k'))).message).toMatch(refused);
      durations.push(performance.now() - start);
    }
    // Pauses that grew between attempts would be longer by now. A busy machine delays some calls only.
    expect(durations.sort((a, b) => a - b)[15]).toBeLessThan(300);
  });

  it('is used again after it stood still (SIGSTOP), and every increment counted at most once', async () => {
    const server = await serve();
    const backend = open(server);
    const load = new Load(backend, counters);
    await load.counts();
    await server.pause();
    await sleep(2 * TIMEOUT_MS);
    const during = await failureOf(settled(backend.incr('more')));
    expect(during.code).toMatch(unreached);
    server.resume();
    await recovered(backend, 'a');
    await load.counts();
    const ended = await load.stop();
    expect(ended.failures.length).toBeGreaterThan(0);
    for (const { code } of ended.failures) expect(code).toMatch(unreached);
    expect(await miscounted(ended, open(server))).toEqual([]);
  });

  it('is used again after CLIENT PAUSE, and every increment counted at most once', async () => {
    const server = await serve();
    const backend = open(server);
    const load = new Load(backend, counters);
    await load.counts();
    let code: string | undefined;
    // In a stall of this process the pause may end first.
    while (code === undefined) {
      await ask(server, 'CLIENT', 'PAUSE', String(3 * TIMEOUT_MS), 'ALL');
      code = await settled(backend.getValue('a')).then(
        () => undefined,
        (error: CacheError) => error.code,
      );
    }
    expect(code).toMatch(unreached);
    await recovered(backend, 'a');
    await load.counts();
    const ended = await load.stop();
    expect(await miscounted(ended, open(server))).toEqual([]);
  });
});

const silenceLab: SilenceLab = {
  start: () => startRedis(),
  open: ({ port, timeoutMs }) => redisBackend({ url: `redis://127.0.0.1:${port}`, timeoutMs }),
};
trySilences(silenceLab);
tryLateThenSilent(silenceLab);

describe('an event loop that stalls for longer than the deadline', () => {
  it('loses no reply that arrived meanwhile, and no connection', async () => {
    const server = await serve();
    const backend = open(server);
    await backend.setValue('k', 'v');
    const id = await ask(server, 'CLIENT', 'LIST', 'TYPE', 'normal');
    // Nothing is in flight any more, and timers run before received bytes are read.
    await sleep(TIMEOUT_MS);
    await new Promise((resolve) => setImmediate(resolve));
    const calls = Promise.all([backend.incr('n'), backend.getValue('k'), backend.setValue('m', 1)]);
    // The commands are written at the end of the tick, and no reply is read before the next.
    await new Promise<void>((resolve) => process.nextTick(() => process.nextTick(resolve)));
    const end = performance.now() + 2 * TIMEOUT_MS;
    while (performance.now() < end);
    expect(await calls).toEqual([1, 'v', undefined]);
    expect(connectionOf(await ask(server, 'CLIENT', 'LIST', 'TYPE', 'normal'))).toBe(connectionOf(id));
  });
});

/** The first connection of a list, by its number. */
function connectionOf(list: string): string | undefined {
  return /id=(\d+)/.exec(list)?.[1];
}

it('lets the event loop go on while its connections end and callers repeat their calls at once', async () => {
  const [LOAD_MS, CALLERS] = [3000, 800];
  const server = await serve();
  const backend = open(server);
  const end = performance.now() + LOAD_MS;
  let [lastTurn, longestMs] = [performance.now(), 0];
  const turns = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - lastTurn);
    lastTurn = performance.now();
    void ask(server, 'CLIENT', 'KILL', 'TYPE', 'normal').catch(() => undefined);
  }, 40);
  const call = async (): Promise<void> => {
    while (performance.now() < end) await backend.getValue('k').catch(() => undefined);
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
  clearInterval(turns);
  expect(Math.max(longestMs, performance.now() - lastTurn)).toBeLessThan(LOAD_MS / 2);
});

it.each([
  ['has lost its server', () => undefined],
  ['has ended', (client: Redis) => client.disconnect()],
])('lets the event loop go on while a caller repeats calls on a provided client that %s', async (_, end) => {
  const server = await serve();
  const client = new Redis(server.port, { enableOfflineQueue: false, lazyConnect: true });
  onTestFinished(() => client.disconnect());
  client.on('error', () => undefined);
  await client.connect();
  const backend = redisBackend({ client, timeoutMs: TIMEOUT_MS });
  const gone = new Promise((resolve) => client.once('close', resolve));
  await server.kill();
  await gone;
  end(client);
  let turns = 0;
  const interval = setInterval(() => {
    turns += 1;
  }, 10);
  const stop = performance.now() + 1000;
  while (performance.now() < stop) expect((await failureOf(backend.getValue('k'))).code).toMatch(unreached);
  clearInterval(interval);
  expect(turns).toBeGreaterThan(10);
});
