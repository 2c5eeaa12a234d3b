import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheBackend, RemoteOptions } from '@ninefold/core';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis, startRedisReplica } from '@ninefold/tooling/servers/redis';
import { RespConnection } from '@ninefold/tooling/servers/resp';
import { until } from '@ninefold/tooling/servers/until';
import { afterEach, describe, expect, it } from 'vitest';
import { redisBackend } from '../src/redis.ts';
import { failureOf } from './support/failure.ts';
import { Load, miscounted, recovered, settled } from './support/load.ts';
import { staysQuiet } from './support/stays-quiet.ts';

const TIMEOUT_MS = 500;
const counters = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
let undo: (() => Promise<unknown>)[] = [];

staysQuiet();

afterEach(async () => {
  for (const step of undo.reverse()) await step();
  undo = [];
});

async function serve(...args: string[]): Promise<ServerProcess> {
  const server = await startRedis(args);
  undo.push(() => server.stop());
  return server;
}

function open({ port }: ServerProcess, options: RemoteOptions & { readonly password?: string } = {}): CacheBackend {
  const { password, ...rest } = options;
  const login = password === undefined ? '' : `:${password}@`;
  const backend = redisBackend({ url: `redis://${login}127.0.0.1:${port}`, timeoutMs: TIMEOUT_MS, ...rest });
  undo.push(() => backend.close());
  return backend;
}

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'ninefold-redis-'));
  undo.push(() => rm(made, { recursive: true }));
  return made;
}

describe('a server that fails under load', () => {
  it('is used again after it was killed and started, and every increment counted at most once', async () => {
    // Whatever it has answered it knows after its restart.
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--dir', await folder()];
    const server = await serve(...durable);
    const backend = open(server);
    const load = new Load(backend, counters);
    await sleep(200);
    await server.kill();
    await sleep(700);
    await server.restart();
    await recovered(backend, 'a');
    await sleep(200);
    const ended = await load.stop();
    expect(new Set(ended.failures.map(({ code }) => code))).toEqual(new Set(['UNAVAILABLE']));
    expect(await miscounted(ended, open(server))).toEqual([]);
  }, 30_000);

  it('is used again after it stood still (SIGSTOP), and every increment counted at most once', async () => {
    const server = await serve();
    const backend = open(server);
    const load = new Load(backend, counters);
    await sleep(100);
    server.pause();
    await sleep(2 * TIMEOUT_MS);
    const during = await failureOf(settled(backend.incr('more')));
    expect(['TIMEOUT', 'UNAVAILABLE']).toContain(during.code);
    server.resume();
    await recovered(backend, 'a');
    const ended = await load.stop();
    expect(ended.failures.length).toBeGreaterThan(0);
    for (const { code } of ended.failures) expect(['TIMEOUT', 'UNAVAILABLE']).toContain(code);
    expect(await miscounted(ended, open(server))).toEqual([]);
  }, 30_000);

  it('is used again after CLIENT PAUSE, and every increment counted at most once', async () => {
    const server = await serve();
    const backend = open(server);
    const load = new Load(backend, counters);
    await sleep(100);
    await ask(server, 'CLIENT', 'PAUSE', String(3 * TIMEOUT_MS), 'ALL');
    expect((await failureOf(settled(backend.getValue('a')))).code).toMatch(/^(TIMEOUT|UNAVAILABLE)$/);
    await recovered(backend, 'a');
    const ended = await load.stop();
    expect(await miscounted(ended, open(server))).toEqual([]);
  }, 30_000);
});

describe('a server that refuses', () => {
  it('writes, its memory being full, reads and deletes as ever', async () => {
    const server = await serve('--maxmemory-policy', 'noeviction');
    const backend = open(server, { timeoutMs: 5000 });
    await backend.multiSetValues([
      ['k', 'v'],
      ['n', 41],
      ['old', 1],
    ]);
    await ask(server, 'CONFIG', 'SET', 'maxmemory', '1');
    const pairs: [string, string][] = [
      ['x', 's3cretValue'],
      ['y', 's3cretValue'],
    ];
    const writes: [() => Promise<unknown>, boolean][] = [
      [() => backend.setValue('k', 's3cretValue'), false],
      [() => backend.setValue('k', 's3cretValue', { ttl: 60 }), false],
      [() => backend.incr('n'), false],
      [() => backend.incr('new', 1, { ttl: 60 }), false],
      [() => backend.multiSetValues(pairs), true],
      [() => backend.multiSetValues(pairs, { ttl: 60 }), true],
    ];
    for (const [write, maybeApplied] of writes) {
      const refusal = await failureOf(write(), ['s3cretValue']);
      expect(refusal).toMatchObject({ code: 'BACKEND', retryable: false, maybeApplied, cause: { code: 'OOM' } });
    }
    expect(await backend.multiGetValues(['k', 'n', 'new', 'x', 'y'])).toEqual([
      'v',
      41,
      undefined,
      undefined,
      undefined,
    ]);
    expect(await backend.exists('k')).toBe(true);
    expect(await backend.delete('k')).toBe(1);
    expect(await backend.deleteMany(['k', 'n', 'old', 'none'])).toBe(2);
    await ask(server, 'CONFIG', 'SET', 'maxmemory', '0');
    await backend.multiSetValues(pairs, { ttl: 60 });
  }, 30_000);

  it('writes, being a replica, until it is a primary', async () => {
    const primary = await serve();
    await ask(primary, 'SET', 'k', '7');
    const replica = await startRedisReplica(primary);
    undo.push(() => replica.stop());
    const backend = open(replica);
    expect(await backend.getValue('k')).toBe(7);
    for (const write of [() => backend.setValue('k', 8), () => backend.incr('k'), () => backend.delete('k')])
      expect(await failureOf(settled<unknown>(write()))).toMatchObject({
        code: 'BACKEND',
        retryable: true,
        maybeApplied: false,
      });
    await ask(replica, 'REPLICAOF', 'NO', 'ONE');
    await until('the backend writes', () =>
      settled(backend.incr('k')).then(
        (value) => value > 7,
        () => false,
      ),
    );
  }, 30_000);

  it('a password, until it is the right one', async () => {
    const server = await serve('--requirepass', 'old');
    const backend = open(server, { password: 's3cret' });
    for (const call of [() => backend.getValue('k'), () => backend.setValue('k', 1), () => backend.incr('k')]) {
      const denied = await failureOf(settled(call()), ['s3cret']);
      expect(denied).toMatchObject({ code: 'AUTH', retryable: false, maybeApplied: false });
    }
    const admin = new RespConnection(server.host, server.port);
    await admin.send([
      ['AUTH', 'old'],
      ['CONFIG', 'SET', 'requirepass', 's3cret'],
    ]);
    admin.close();
    await until('the backend works', () =>
      settled(backend.setValue('k', 1)).then(
        () => true,
        () => false,
      ),
    );
  }, 30_000);

  it('all, while it loads its data', async () => {
    // It takes 200 µs for each key, and looks at its clients after every KB.
    const slow = ['--key-load-delay', '200', '--loading-process-events-interval-bytes', '1024'];
    const server = await serve('--dir', await folder(), ...slow);
    const backend = open(server, { timeoutMs: 2000 });
    const pairs = Array.from({ length: 10_000 }, (_, index) => [`k${index}`, index] as const);
    await backend.multiSetValues(pairs);
    await ask(server, 'SAVE');
    await server.kill();
    const restarted = server.restart();
    await until('the server loads', () =>
      ask(server, 'GET', 'k1').then(
        () => false,
        (error: Error) => error.message.startsWith('LOADING'),
      ),
    );
    const other = open(server, { timeoutMs: 300 });
    for (const call of [() => other.getValue('k1'), () => other.multiGetValues(['k1', 'k2']), () => other.incr('k1')]) {
      const failure = await failureOf(settled(call()));
      expect(failure).toMatchObject({ retryable: true, maybeApplied: false });
      expect(['UNAVAILABLE', 'TIMEOUT']).toContain(failure.code);
    }
    await restarted;
    await recovered(backend, 'k1');
    await recovered(other, 'k1');
    expect(await backend.multiGetValues(['k1', 'k9999'])).toEqual([1, 9999]);
  }, 30_000);

  it('connections, having too many', async () => {
    const server = await serve('--maxclients', '1');
    const holder = new RespConnection(server.host, server.port);
    await holder.send([['SET', 'k', '5']]);
    const backend = open(server);
    const failure = await failureOf(settled(backend.getValue('k')));
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect(failure.message).toContain('too many connections');
    holder.close();
    await recovered(backend, 'k');
    expect(await backend.getValue('k')).toBe(5);
  }, 30_000);
});
