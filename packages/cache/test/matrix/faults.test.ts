import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '@ninefold/core/conformance';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { UpstashFront } from '@ninefold/tooling/upstash-front';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Recipe, recipe } from '../support/recipe.ts';
import type { Task } from '../support/truth.ts';

// Processes read, load, delete and set while their server fails in every way. Versions on a server of their own show
// whether a reader gets a value that was outdated before it called.

const { NINEFOLD_SEED } = process.env;
const seed = NINEFOLD_SEED === undefined ? Date.now() : Number(NINEFOLD_SEED);
const READERS = 3;
const SECONDS = 20;
const timeoutMs = 400;

interface Place {
  readonly servers: readonly Pick<ServerProcess, 'pause' | 'resume' | 'restart'>[];
  readonly proxies: readonly FaultProxy[];
  readonly recipe: Recipe;
  stop(): Promise<void>;
}

async function redis(): Promise<Place> {
  const server = await startRedis();
  const proxy = await FaultProxy.start(server);
  return {
    servers: [server],
    proxies: [proxy],
    recipe: recipe('redis', { url: `redis://127.0.0.1:${proxy.port}`, timeoutMs })('faults'),
    stop: () => stopAll(proxy, server),
  };
}

async function memcached(): Promise<Place> {
  const servers = await Promise.all([startMemcached(), startMemcached()]);
  const proxies = await Promise.all(servers.map((server) => FaultProxy.start(server)));
  return {
    servers,
    proxies,
    recipe: recipe('memcached', { servers: proxies.map(({ port }) => `127.0.0.1:${port}`), timeoutMs })('faults'),
    stop: () => stopAll(...proxies, ...servers),
  };
}

async function upstash(): Promise<Place> {
  const server = await startRedis();
  const front = await UpstashFront.start({ redis: server, token: 'AXkfASQgt0ken' });
  const proxy = await FaultProxy.start({ host: '127.0.0.1', port: front.port });
  return {
    // The front cannot outlive its server, so a flush stands for a restart.
    servers: [{ ...server, restart: async () => void (await ask(server, 'FLUSHALL')) }],
    proxies: [proxy],
    recipe: recipe('upstash', { url: `http://127.0.0.1:${proxy.port}`, token: front.token, timeoutMs })('faults'),
    stop: () => stopAll(proxy, front, server),
  };
}

async function stopAll(...started: readonly { stop(): Promise<void> }[]): Promise<void> {
  for (const one of started) await one.stop();
}

function start(program: 'reader' | 'deleter', task: Task): ChildProcess {
  const file = join(import.meta.dirname, `../programs/${program}.ts`);
  const args = ['--conditions=@ninefold/source', '--import', 'tsx', file, JSON.stringify(task)];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function outcomeOf<T>(child: ChildProcess): Promise<T> {
  const [output] = await Promise.all([text(child.stdout as NonNullable<ChildProcess['stdout']>), once(child, 'exit')]);
  return JSON.parse(output) as T;
}

const faults = fc.record({
  fault: fc.constantFrom<Fault | 'restart' | 'pause' | 'stop'>(
    'restart',
    'pause',
    'stop',
    { kind: 'refuse' },
    { kind: 'silence' },
    { kind: 'delay', delayMs: timeoutMs },
    ...(['rst', 'fin', 'silence'] as const).flatMap((by) => [
      { kind: 'cut', on: 'request', by } as const,
      { kind: 'cut', on: 'reply', by } as const,
    ]),
  ),
  which: fc.nat(),
  milliseconds: fc.integer({ min: 50, max: 1500 }),
});

function pick<T>(list: readonly T[], which: number): T {
  return list[which % list.length] as T;
}

/** Injects one fault after another, and ends each. */
async function spoil({ servers, proxies }: Place, readers: readonly ChildProcess[], end: number): Promise<void> {
  for (const { fault, which, milliseconds } of fc.sample(faults, { seed, numRuns: 1000 })) {
    if (performance.now() >= end) return;
    if (fault === 'restart') await pick(servers, which).restart();
    else if (fault === 'pause') {
      await pick(servers, which).pause();
      await sleep(milliseconds);
      pick(servers, which).resume();
    } else if (fault === 'stop') {
      pick(readers, which).kill('SIGSTOP');
      // Longer than the TTL of its leases.
      await sleep(1000 + milliseconds);
      pick(readers, which).kill('SIGCONT');
    } else {
      await pick(proxies, which).set(fault);
      await sleep(milliseconds);
      await pick(proxies, which).set(undefined);
    }
    await sleep(milliseconds / 3);
  }
}

let truth: ServerProcess;
let place: Place;

beforeAll(async () => {
  truth = await startRedis();
});
afterEach(() => place.stop());
afterAll(() => truth.stop());

interface Readings {
  readonly reads: number;
  readonly loads: number;
  readonly stale: readonly string[];
}

async function play(name: string, task: Pick<Task, 'milliseconds' | 'wrong'>): Promise<Readings> {
  const where = recipe('redis', { url: `redis://127.0.0.1:${truth.port}`, timeoutMs: 10_000 })(name);
  const whole = { ...task, recipe: place.recipe, truth: where };
  const readers = Array.from({ length: READERS }, () => start('reader', whole));
  const outcomes = [...readers, start('deleter', whole)].map((child) => outcomeOf<Readings>(child));
  if (task.wrong !== true) await spoil(place, readers, performance.now() + task.milliseconds - 4000);
  const [deleted, ...readings] = (await Promise.all(outcomes)).reverse();
  expect(deleted).toMatchObject({ done: expect.any(Number) });
  return {
    reads: readings.reduce((sum, { reads }) => sum + reads, 0),
    loads: readings.reduce((sum, { loads }) => sum + loads, 0),
    stale: readings.flatMap(({ stale }) => stale),
  };
}

it.each(Object.entries({ redis, memcached, upstash }))(
  'on %s that fails in every way no process gets a value that was outdated before it called',
  async (name, begin) => {
    place = await begin();
    // Where the machine stood still too little happens in the time.
    for (let [reads, loads] = [0, 0]; loads <= 100 || reads <= 5 * loads; ) {
      const more = await play(name, { milliseconds: 1000 * SECONDS });
      expect(more.stale, `seed ${seed}`).toEqual([]);
      reads += more.reads;
      loads += more.loads;
    }
  },
);

it('finds a delete that does not bump the epoch', async () => {
  place = await redis();
  let stale: readonly string[] = [];
  while (stale.length === 0) ({ stale } = await play('wrong', { milliseconds: 8000, wrong: true }));
});
