import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { listen } from '@ninefold/tooling/servers/listen';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { RespConnection } from '@ninefold/tooling/servers/resp';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import type { RedisClientOptions } from 'redis';
import { expect, it } from 'vitest';
import { nodeRedisBackend } from '../src/node-redis.ts';

/** Number of sockets that keep the process alive. */
const sockets = (): number =>
  process.getActiveResourcesInfo().filter((kind) => /^(TCPSocket|TLS)Wrap$/.test(kind)).length;

/** Number of client connections of a server, including that of this command. */
const clientsOf = async (server: ServerProcess): Promise<number> =>
  (await ask(server, 'CLIENT', 'LIST', 'TYPE', 'normal')).trim().split('\n').length;

it('a backend that is closed leaves no connection', async () => {
  const server = await startRedis();
  const backend = nodeRedisBackend({ url: `redis://127.0.0.1:${server.port}`, timeoutMs: 10_000 });
  await backend.setValue('k', 1);
  expect(await clientsOf(server)).toBe(2);
  await backend.close();
  await expect.poll(() => clientsOf(server)).toBe(1);
  await server.stop();
});

it('a process that closes its backend ends, long before a silent connection would have been given up', async () => {
  const server = await startRedis();
  const program = `
    import { nodeRedisBackend } from './src/node-redis.ts';
    const backend = nodeRedisBackend({ url: 'redis://127.0.0.1:${server.port}', timeoutMs: 600_000 });
    await backend.setValue('k', 1);
    await backend.close();
    console.log('closed');`;
  const args = ['--conditions=@ninefold/source', '--import', 'tsx', '--input-type=module', '--eval', program];
  const cwd = join(import.meta.dirname, '..');
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd, timeout: 60_000 });
  expect(stdout).toBe('closed\n');
  await server.stop();
});

it('only the present connection is subscribed to a streaming credentials provider', async () => {
  const server = await startRedis(['--requirepass', 's3cret']);
  let subscriptions = 0;
  const credentials = { username: 'default', password: 'wrong' };
  const credentialsProvider: RedisClientOptions['credentialsProvider'] = {
    type: 'streaming-credentials-provider',
    subscribe: async () => {
      subscriptions += 1;
      const dispose = (): void => {
        subscriptions -= 1;
      };
      return [{ ...credentials }, { dispose }];
    },
    onReAuthenticationError: () => undefined,
  };
  const url = `redis://127.0.0.1:${server.port}`;
  const backend = nodeRedisBackend({ url, timeoutMs: 10_000, redis: { credentialsProvider } });
  expect(await failureOf(backend.getValue('k'))).toMatchObject({ code: 'AUTH' });
  expect(subscriptions).toBe(0);
  credentials.password = 's3cret';
  await backend.setValue('k', 1);
  expect(subscriptions).toBe(1);
  const admin = new RespConnection(server.host, server.port);
  await admin.send([
    ['AUTH', 's3cret'],
    ['CLIENT', 'KILL', 'TYPE', 'normal'],
  ]);
  admin.close();
  await expect.poll(() => subscriptions).toBe(0);
  expect(await backend.getValue('k')).toBe(1);
  expect(subscriptions).toBe(1);
  await backend.close();
  expect(subscriptions).toBe(0);
  await server.stop();
});

it('a connection that ends while a streaming credentials provider fetches a token leaves no subscription', async () => {
  let [lifeMs, fetchMs, fetched, subscriptions] = [20, 60, 0, 0];
  const server = createServer((client) => setTimeout(() => client.destroy(), lifeMs));
  const port = await listen(server);
  const credentialsProvider: RedisClientOptions['credentialsProvider'] = {
    type: 'streaming-credentials-provider',
    subscribe: async () => {
      await sleep(fetchMs);
      fetched += 1;
      subscriptions += 1;
      const dispose = (): void => {
        subscriptions -= 1;
      };
      return [{ password: 's3cret' }, { dispose }];
    },
    onReAuthenticationError: () => undefined,
  };
  const url = `redis://127.0.0.1:${port}`;
  const backend = nodeRedisBackend({ url, timeoutMs: 10_000, redis: { credentialsProvider } });
  for (let call = 0; call < 3; call += 1)
    expect(await failureOf(backend.getValue('k'))).toMatchObject({ code: 'UNAVAILABLE' });
  // The backend is closed before the fourth token comes, although it waits a second for the call.
  [lifeMs, fetchMs] = [4000, 2000];
  const closed = failureOf(backend.getValue('k'));
  await backend.close();
  expect(await closed).toMatchObject({ code: 'CLOSED' });
  await expect.poll(() => fetched, { timeout: 10_000 }).toBe(4);
  expect(subscriptions).toBe(0);
  server.close();
});

it('a silent connection is replaced and ended, and its writes may have been applied', async () => {
  const server = await startRedis();
  const backend = nodeRedisBackend({ url: `redis://127.0.0.1:${server.port}`, timeoutMs: 1500 });
  await backend.setValue('k', 1);
  const clients = (): Promise<string> => ask(server, 'CLIENT', 'LIST', 'TYPE', 'normal');
  const [id] = /^id=\d+ /.exec(await clients()) as RegExpExecArray;
  // An idle connection owes nothing.
  await sleep(2000);
  expect(await clients()).toContain(id);
  await server.pause();
  const first = failureOf(backend.incr('n'));
  await sleep(800);
  // A later command does not make the connection any less silent.
  const second = failureOf(backend.incr('n'));
  for (const failure of [await first, await second])
    expect(failure).toMatchObject({ code: 'TIMEOUT', maybeApplied: true });
  server.resume();
  await expect.poll(() => backend.getValue('k').catch(() => 'no answer')).toBe(1);
  await expect.poll(clients).not.toContain(id);
  expect(await clientsOf(server)).toBe(2);
  await backend.close();
  await server.stop();
});

it('a silent connection is replaced although its full queue refuses call after call', async () => {
  const server = await startRedis();
  const url = `redis://127.0.0.1:${server.port}`;
  const backend = nodeRedisBackend({ url, timeoutMs: 500, redis: { commandsQueueMaxLength: 1 } });
  await backend.setValue('k', 1);
  const clients = (): Promise<string> => ask(server, 'CLIENT', 'LIST', 'TYPE', 'normal');
  const [id] = /^id=\d+ /.exec(await clients()) as RegExpExecArray;
  await server.pause();
  const first = failureOf(backend.getValue('k'));
  for (let call = 0; call < 20; call++) {
    await failureOf(backend.setValue('k', 2));
    await sleep(50);
  }
  await first;
  server.resume();
  await expect.poll(clients).not.toContain(id);
  await backend.close();
  await server.stop();
});

it('a connection is silent from when it owes a reply, not from its last command', async () => {
  const server = await startRedis();
  const backend = nodeRedisBackend({ url: `redis://127.0.0.1:${server.port}`, timeoutMs: 2000 });
  await backend.setValue('k', 1);
  await sleep(1800);
  await ask(server, 'CLIENT', 'PAUSE', '600', 'WRITE');
  await backend.setValue('k', 2);
  await backend.close();
  await server.stop();
});

it('a backend that is closed while it connects does not keep the process alive, and ends the connection once made', async () => {
  const server = await startRedis([], { tls: true });
  const relay = createServer();
  const port = await listen(relay);
  const before = sockets();
  const url = `rediss://127.0.0.1:${port}`;
  const backend = nodeRedisBackend({
    url,
    timeoutMs: 10_000,
    redis: { socket: { tls: true, rejectUnauthorized: false } },
  });
  const failure = failureOf(backend.setValue('k', 1));
  const [client] = (await once(relay, 'connection')) as [Socket];
  client.unref();
  await backend.close();
  expect(await failure).toMatchObject({ code: 'CLOSED', maybeApplied: false });
  expect(sockets()).toBe(before);
  // The TLS handshake goes on from here.
  const ended = once(client, 'close');
  client.pipe(connect(server.port, server.host)).pipe(client);
  await ended;
  relay.close();
  await server.stop();
});
