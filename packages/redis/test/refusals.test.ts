import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheBackend } from '@ninefold/core';
import { freePort } from '@ninefold/tooling/servers/free-port';
import { listen } from '@ninefold/tooling/servers/listen';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedisReplica } from '@ninefold/tooling/servers/redis';
import { RespConnection } from '@ninefold/tooling/servers/resp';
import { until } from '@ninefold/tooling/servers/until';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { staysQuiet } from '@ninefold/tooling/testing/stays-quiet';
import { tryForeignType } from '@ninefold/tooling/testing/try-foreign-type';
import { describe, expect, it } from 'vitest';
import { redisBackend } from '../src/redis.ts';
import { recovered, settled } from './support/load.ts';
import { kept, open, serve } from './support/servers-of-test.ts';

staysQuiet();

describe('a server that refuses', () => {
  it('writes, because its memory is full, still reads and deletes', async () => {
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
  });

  it('a batch, because its memory is full, is not sent the entries separately', async () => {
    const server = await serve('--maxmemory', '1', '--maxmemory-policy', 'noeviction');
    const backend = open(server, { timeoutMs: 5000 });
    const batch = backend.multiSetValues([
      ['x', 1],
      ['y', 2],
    ]);
    expect(await failureOf(batch)).toMatchObject({ code: 'BACKEND', cause: { code: 'OOM' } });
    expect(await ask(server, 'INFO', 'commandstats')).not.toContain('cmdstat_set:');
  });

  it('to increment another type rejects NOT_A_COUNTER; the key exists, reads as a miss, and can be overwritten', async () => {
    const server = await serve();
    await tryForeignType(open(server, { timeoutMs: 5000 }), server);
  });

  it('writes, as a replica, is used again once it is a primary', async () => {
    const primary = await serve();
    await ask(primary, 'SET', 'k', '7');
    const replica = kept(await startRedisReplica(primary));
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
  });

  it.each([
    ['although it never answers QUIT', 500, false],
    ['at once where the backend is closed', 60_000, true],
  ])('writes, as a replica, is disconnected for good %s', async (_, timeoutMs, closes) => {
    let connections = 0;
    const server = await serve('--replicaof', '127.0.0.1 1');
    const listener = createServer((client) => {
      connections += 1;
      const onward = connect(server.port, server.host);
      client.on('data', (bytes) => /quit/i.test(bytes.toString('latin1')) || onward.write(bytes));
      onward.pipe(client);
      client.on('close', () => onward.destroy());
    });
    kept({ stop: async () => void listener.close() });
    const port = await listen(listener);
    const backend = open({ ...server, port }, { timeoutMs });
    expect(await failureOf(backend.incr('k'))).toMatchObject({ cause: { code: 'READONLY' } });
    if (closes) await backend.close();
    await until(
      'the connection is given up',
      () =>
        new Promise((resolve) => {
          listener.getConnections((_, open) => resolve(open === 0));
        }),
    );
    // A client that is not disconnected would connect again after 50 ms.
    await sleep(150);
    expect(connections).toBe(1);
  });

  it('batches with a TTL for a while, is sent them as one command again afterwards', async () => {
    const refusals = [
      ['REPLICAOF 127.0.0.1 1', 'REPLICAOF NO ONE'],
      ['CONFIG SET maxmemory 1', 'CONFIG SET maxmemory 0'],
      ['CONFIG SET min-replicas-to-write 1', 'CONFIG SET min-replicas-to-write 0'],
    ] as const;
    const pairs = Array.from({ length: 20 }, (_, index) => [`k${index}`, index] as const);
    for (const [begin, end] of refusals) {
      const server = await serve();
      const backend = open(server, { timeoutMs: 5000 });
      await ask(server, ...begin.split(' '));
      await failureOf(backend.multiSetValues(pairs, { ttl: 60 }));
      await ask(server, ...end.split(' '));
      await ask(server, 'CONFIG', 'RESETSTAT');
      await backend.multiSetValues(pairs, { ttl: 60 });
      expect(await ask(server, 'INFO', 'commandstats')).toMatch(/cmdstat_(eval|msetex):calls=1,/);
    }
  });

  it('all, because its primary is lost, rejects each read of a tick under its own key, also without MGET', async () => {
    const server = await serve(...'--replica-serve-stale-data no --user default on nopass ~* +@all -mget'.split(' '));
    const backend = open(server, { timeoutMs: 5000 });
    const keys = ['a', 'b', 'c', 'd'];
    await Promise.all(keys.map((key) => backend.getValue(key)));
    await ask(server, 'REPLICAOF', '127.0.0.1', '1');
    const failures = await Promise.all(keys.map((key) => failureOf(backend.getValue(key))));
    expect(failures.map(({ code, key }) => [code, key])).toEqual(keys.map((key) => ['UNAVAILABLE', key]));
  });

  it('all, because its primary is lost, rejects each batch under its first key, alone or among others, and a read beside it under its own', async () => {
    const server = await serve('--replica-serve-stale-data', 'no');
    const backend = open(server, { timeoutMs: 5000 });
    await backend.getValue('k');
    await ask(server, 'REPLICAOF', '127.0.0.1', '1');
    const reads = [['a', 'b'], ['c', 'd'], ['e'], ['f', 'g', 'h']].map((keys) =>
      failureOf(backend.multiGetValues(keys)),
    );
    reads.push(failureOf(backend.getValue('single')));
    const failures = [...(await Promise.all(reads)), await failureOf(backend.multiGetValues(['i', 'j']))];
    expect(failures.map(({ code, key }) => [code, key])).toEqual(
      ['a', 'c', 'e', 'f', 'single', 'i'].map((key) => ['UNAVAILABLE', key]),
    );
    expect(await ask(server, 'INFO', 'commandstats')).toContain(
      'cmdstat_mget:calls=0,usec=0,usec_per_call=0.00,rejected_calls=4',
    );
  });

  it('a password is used again once that is right', async () => {
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
  });

  it('all without a password, rejects a long batch or text, of which it reads only the beginning, as well', async () => {
    const server = await serve('--requirepass', 's3cret');
    const pairs = Array.from({ length: 20 }, (_, index) => [`k${index}`, 's3cretValue'] as const);
    const calls: ((backend: CacheBackend) => Promise<unknown>)[] = [
      (backend) => backend.getValue('k'),
      (backend) => backend.setValue('k', 's3cretValue'.repeat(2000)),
      (backend) => backend.multiGetValues(pairs.map(([key]) => key)),
      (backend) => backend.multiSetValues(pairs),
      (backend) => backend.multiSetValues(pairs, { ttl: 60 }),
    ];
    for (const call of calls) {
      // Each has a connection of its own, because the server closes it.
      const failure = await failureOf(settled(call(open(server, { timeoutMs: 5000 }))), ['s3cret']);
      expect(failure).toMatchObject({ code: 'AUTH', retryable: false });
      expect(failure.message).toContain('the server requires a password');
    }
  });

  it('SENTINEL, because it is no sentinel, is reported as such', async () => {
    const { port } = await serve();
    const sentinels = { name: 'mymaster', urls: [`redis://127.0.0.1:${port}`] };
    const backend = redisBackend({ sentinels, timeoutMs: 5000 });
    const refusal = await failureOf(settled(backend.setValue('k', 's3cretValue')), ['s3cretValue']);
    expect(refusal).toMatchObject({ code: 'BACKEND', retryable: false, maybeApplied: false });
    expect(refusal.message).toContain('`sentinels` names a server that is not a sentinel');
    await backend.close();
  });

  it('to answer SENTINEL at all is passed over for the next sentinel', async () => {
    const [silent, next] = [await serve(), await serve()];
    await silent.pause();
    const urls = [silent, next].map(({ port }) => `redis://127.0.0.1:${port}`);
    const backend = redisBackend({ sentinels: { name: 'mymaster', urls }, timeoutMs: 10_000 });
    // The first call hears what the next sentinel says: a silent one may take 95 % of its time.
    expect((await failureOf(backend.getValue('k'))).message).toContain(
      '`sentinels` names a server that is not a sentinel',
    );
    await backend.close();
    silent.resume();
  });

  it('SENTINEL for a wrong password rejects AUTH', async () => {
    const { port } = await serve('--requirepass', 's3cret');
    const sentinels = { name: 'mymaster', urls: [`redis://:wr0ng@127.0.0.1:${port}`] };
    const backend = redisBackend({ sentinels, timeoutMs: 5000 });
    const refusal = await failureOf(settled(backend.setValue('k', 1)), ['wr0ng']);
    expect(refusal).toMatchObject({ code: 'AUTH', retryable: false, maybeApplied: false });
    expect(refusal.message).toContain('wrong user name or password');
    await backend.close();
  });

  it('all, while it loads its data', async () => {
    // Loading takes 200 µs for each key, and serves clients after every KB.
    const slow = ['--key-load-delay', '200', '--loading-process-events-interval-bytes', '1024'];
    const server = await serve(...slow);
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
  });

  it('connections, because it has too many, is used once one is free', async () => {
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
  });

  it('the handshake, or writes as a replica, is not sent a new connection by each call', async () => {
    const [server, replica] = [await serve(), await serve('--replicaof', '127.0.0.1 1')];
    const [url, urlOfReplica] = [server, replica].map(({ host, port }) => `redis://${host}:${port}`) as [
      string,
      string,
    ];
    const receivedBy = async (asked: ServerProcess): Promise<number> =>
      Number(/total_connections_received:(\d+)/.exec(await ask(asked, 'INFO', 'stats'))?.[1]);
    // The server has no such database, and is no sentinel. Only the first connection to a replica is given up at once.
    for (const [options, asked, first] of [
      [{ url: `${url}/99` }, server, 1],
      [{ sentinels: { name: 'mymaster', urls: [url] } }, server, 1],
      [{ url: urlOfReplica }, replica, 2],
    ] as const) {
      const backend = redisBackend({ ...options, timeoutMs: 5000 });
      const [before, start] = [await receivedBy(asked), performance.now()];
      for (let call = 0; call < 30; call++) await failureOf(backend.incr('n'));
      // 50 ms lie between two others, by a timer that may fire a millisecond early. One more connection asks.
      const most = first + (performance.now() - start) / 49 + 1;
      expect((await receivedBy(asked)) - before).toBeLessThanOrEqual(most);
      await backend.close();
    }
  });

  it('all while it is busy with a script, is used again afterwards', async () => {
    const server = await serve('--busy-reply-threshold', '50');
    const backend = open(server, { timeoutMs: 2000 });
    await backend.setValue('k', 1);
    const script = new RespConnection(server.host, server.port);
    const running = script.send([['EVAL', 'while true do end', '0']]);
    await until('the server says that it is busy', () =>
      ask(server, 'GET', 'k').then(
        () => false,
        (error: Error) => error.message.startsWith('BUSY'),
      ),
    );
    for (const call of [() => backend.getValue('k'), () => backend.incr('k'), () => backend.multiGetValues(['k', 'l'])])
      expect(await failureOf(settled<unknown>(call()))).toMatchObject({
        code: 'UNAVAILABLE',
        retryable: true,
        maybeApplied: false,
      });
    await ask(server, 'SCRIPT', 'KILL');
    await running;
    script.close();
    expect(await backend.incr('k')).toBe(2);
  });

  it('writes, because it cannot save them, rejects them as not retryable', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ninefold-redis-'));
    const server = await serve('--save', '3600 1', '--dir', folder);
    const backend = open(server, { timeoutMs: 5000 });
    await backend.setValue('k', 1);
    await rm(folder, { recursive: true });
    await ask(server, 'BGSAVE');
    await until('saving has failed', async () =>
      (await ask(server, 'INFO', 'persistence')).includes('rdb_last_bgsave_status:err'),
    );
    expect(await failureOf(backend.setValue('k', 2))).toMatchObject({
      code: 'BACKEND',
      retryable: false,
      maybeApplied: false,
      cause: { code: 'MISCONF' },
    });
    expect(await failureOf(backend.incr('k'))).toMatchObject({ code: 'BACKEND', cause: { code: 'MISCONF' } });
    expect(await backend.getValue('k')).toBe(1);
  });

  it('writes, because it has too few replicas, still reads, on the same connection', async () => {
    const server = await serve('--min-replicas-to-write', '1');
    const backend = open(server);
    expect(await backend.getValue('k')).toBeUndefined();
    const clients = (): Promise<string> => ask(server, 'CLIENT', 'LIST', 'TYPE', 'normal');
    const [id] = /^id=\d+ /.exec(await clients()) as RegExpExecArray;
    for (const write of [() => backend.setValue('k', 1), () => backend.incr('k', 1, { ttl: 60 })])
      expect(await failureOf(settled<unknown>(write()))).toMatchObject({
        code: 'BACKEND',
        retryable: true,
        maybeApplied: false,
        cause: { code: 'NOREPLICAS' },
      });
    expect(await backend.getValue('k')).toBeUndefined();
    expect(await clients()).toContain(id);
  });

  it('all, as a replica that has lost its primary, rejects as retryable', async () => {
    const primary = await serve();
    const replica = kept(await startRedisReplica(primary, ['--replica-serve-stale-data', 'no']));
    const backend = open(replica);
    expect(await backend.getValue('k')).toBeUndefined();
    await primary.kill();
    await until('the replica knows', async () =>
      (await ask(replica, 'INFO', 'replication')).includes('master_link_status:down'),
    );
    for (const call of [() => backend.getValue('k'), () => backend.multiGetValues(['k', 'l'])])
      expect(await failureOf(settled<unknown>(call()))).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
  });

  it('all, as a node of a cluster that is down, rejects as retryable', async () => {
    const node = await serve('--cluster-enabled', 'yes', '--cluster-port', String(await freePort()));
    const url = `redis://${node.host}:${node.port}`;
    for (const options of [{ url }, { cluster: [url] }]) {
      const backend = redisBackend({ ...options, timeoutMs: 5000 });
      for (const call of [() => backend.getValue('k'), () => backend.incr('k')])
        expect(await failureOf(settled<unknown>(call()))).toMatchObject({
          code: 'UNAVAILABLE',
          retryable: true,
          maybeApplied: false,
        });
      await backend.close();
    }
  });
});
