import { connect, createServer } from 'node:net';
import type { CacheBackend } from '@ninefold/core';
import { listen } from '@ninefold/tooling/servers/listen';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis, startRedisReplica } from '@ninefold/tooling/servers/redis';
import { RespConnection } from '@ninefold/tooling/servers/resp';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { staysQuiet } from '@ninefold/tooling/testing/stays-quiet';
import { tryForeignType } from '@ninefold/tooling/testing/try-foreign-type';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nodeRedisBackend } from '../src/node-redis.ts';

staysQuiet();

async function serve(...args: string[]): Promise<ServerProcess> {
  const server = await startRedis(args);
  onTestFinished(() => server.stop());
  return server;
}

function open(port: number) {
  const backend = nodeRedisBackend({ url: `redis://127.0.0.1:${port}`, timeoutMs: 2000 });
  onTestFinished(() => backend.close());
  return backend;
}

/** An address that leads to the current `target`. */
async function address(first: ServerProcess) {
  const target = { server: first };
  const listener = createServer((client) => {
    const server = connect(target.server.port, target.server.host);
    client.pipe(server).pipe(client);
    for (const socket of [client, server]) socket.on('error', () => undefined);
  });
  const port = await listen(listener);
  onTestFinished(() => void listener.close());
  return { target, port };
}

describe('a server that refuses', () => {
  it('writes, because it became a replica, is replaced by the server that its address leads to', async () => {
    const old = await serve();
    const next = await startRedisReplica(old);
    onTestFinished(() => next.stop());
    const { target, port } = await address(old);
    const backend = open(port);
    await backend.setValue('k', 1);
    // A write right after the initial sync waits for the replica's next acknowledgement, which comes once a second.
    await expect.poll(() => ask(next, 'GET', 'k')).toBe('1');
    await ask(next, 'REPLICAOF', 'NO', 'ONE');
    await ask(old, 'REPLICAOF', next.host, String(next.port));
    target.server = next;
    const [refused, read] = await Promise.all([failureOf(backend.incr('k')), backend.getValue('k')]);
    expect(refused).toMatchObject({
      code: 'BACKEND',
      retryable: true,
      maybeApplied: false,
      cause: { code: 'READONLY' },
    });
    expect(read).toBe(1);
    expect(await backend.incr('k')).toBe(2);
    expect(await ask(next, 'GET', 'k')).toBe('2');
    // The connection to the old server has ended.
    const clients = async (): Promise<string[]> =>
      (await ask(old, 'CLIENT', 'LIST', 'TYPE', 'normal')).trim().split('\n');
    await expect.poll(clients).toEqual([expect.stringContaining('cmd=client|list')]);
  });

  it('writes, because it has too few replicas, is used on the same connection again', async () => {
    const server = await serve('--min-replicas-to-write', '1');
    const backend = open(server.port);
    const failure = await failureOf(backend.setValue('k', 1));
    expect(failure).toMatchObject({ code: 'BACKEND', retryable: true, cause: { code: 'NOREPLICAS' } });
    const clients = (): Promise<string> => ask(server, 'CLIENT', 'LIST', 'TYPE', 'normal');
    const [id] = /id=\d+/.exec(await clients()) ?? [];
    expect(await backend.getValue('k')).toBeUndefined();
    expect(await clients()).toContain(`${id} `);
  });

  it('to increment another type rejects NOT_A_COUNTER; the key exists, reads as a miss, and can be overwritten', async () => {
    const server = await serve();
    const backend = open(server.port);
    await tryForeignType(backend, server);
    await backend.setValue('text', 'v');
    expect((await failureOf(backend.incr('text'))).message).toContain('the value is not an integer');
  });

  it('all without a password, rejects a long batch or text, of which it reads only the beginning, as well', async () => {
    const { port } = await serve('--requirepass', 's3cret');
    const pairs = Array.from({ length: 20 }, (_, index) => [`k${index}`, 's3cretValue'] as const);
    const calls: ((backend: CacheBackend) => Promise<unknown>)[] = [
      (backend) => backend.getValue('k'),
      (backend) => backend.setValue('k', 's3cretValue'.repeat(2000)),
      (backend) => backend.multiGetValues(pairs.map(([key]) => key)),
      (backend) => backend.multiSetValues(pairs, { ttl: 60 }),
    ];
    for (const call of calls) {
      // Each has a connection of its own, because the server closes it.
      const failure = await failureOf(call(open(port)), ['s3cret']);
      expect(failure).toMatchObject({ code: 'AUTH', retryable: false });
      expect(failure.message).toContain('the server requires a password');
    }
  });

  it('connections, because it has too many, is used once one is free', async () => {
    const server = await serve('--maxclients', '1');
    const holder = new RespConnection(server.host, server.port);
    await holder.send([['SET', 'k', '5']]);
    const backend = open(server.port);
    const failure = await failureOf(backend.getValue('k'));
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect(failure.message).toContain('too many connections');
    holder.close();
    await expect.poll(() => backend.getValue('k').catch(() => undefined)).toBe(5);
  });

  it('connections is not sent a new one by each call', async () => {
    let connections = 0;
    const closing = createServer((client) => {
      connections += 1;
      client.destroy();
    });
    const port = await listen(closing);
    const backend = open(port);
    const start = performance.now();
    for (let call = 0; call < 30; call++) await failureOf(backend.setValue('k', call));
    // An attempt begins at least 50 ms after the one before.
    expect(connections).toBeLessThanOrEqual(1 + (performance.now() - start) / 50);
    closing.close();
  });
});
