import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { certificate } from '@ninefold/tooling/servers/certificate';
import { freePort } from '@ninefold/tooling/servers/free-port';
import { listen } from '@ninefold/tooling/servers/listen';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { tlsProxy } from '@ninefold/tooling/servers/tls-proxy';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { alertingServer, tryRedisTls } from '@ninefold/tooling/testing/try-redis-tls';
import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis-5';
import { expect, it } from 'vitest';
import { connectionFailure } from '../src/failures.ts';
import { redisBackend } from '../src/redis.ts';
import { announce, SlotMove, startCluster } from './support/cluster.ts';
import { recovered } from './support/load.ts';
import { PASSWORD, USER } from './support/permissions.ts';

// Whatever `connectTimeout` is given, a call reports what could not be reached within its own deadline.
tryRedisTls(({ tls, ...options }) => redisBackend({ ...options, redis: { connectTimeout: 600_000, tls } }));

it('a Cluster with rediss:// URLs is used with the given TLS options', async () => {
  // The nodes of a cluster also reach each other by a port that is higher by 10,000.
  const args = ['--cluster-enabled', 'yes', '--tls-cluster', 'yes'];
  const { port, stop } = await startRedis(args, { tls: true, port: await freePort(10_000) });
  const { ca } = await certificate();
  const admin = new Redis({ host: 'localhost', port, tls: { ca } });
  await admin.cluster('ADDSLOTSRANGE', 0, 16_383);
  admin.disconnect();
  const options = { cluster: [`rediss://localhost:${port}`], timeoutMs: 6000 };
  const backend = redisBackend({ ...options, redis: { tls: { ca } } });
  await recovered(backend, 'k');
  await backend.setValue('k', 1);
  expect(await backend.getValue('k')).toBe(1);
  const distrustful = redisBackend(options);
  expect((await failureOf(distrustful.getValue('k'))).message).toContain('(DEPTH_ZERO_SELF_SIGNED_CERT)');
  await Promise.all([backend.close(), distrustful.close()]);
  await stop();
});

it('a node of a Cluster that is known by a name is named to itself', async () => {
  const args = ['--cluster-enabled', 'yes', '--cluster-announce-hostname', 'localhost'];
  const { port, stop } = await startRedis(args, { port: await freePort(10_000) });
  const { proxy, port: seed, names } = await tlsProxy(port);
  const admin = new Redis({ host: 'localhost', port });
  await admin.cluster('ADDSLOTSRANGE', 0, 16_383);
  for (const [name, value] of [
    ['cluster-announce-port', String(seed)],
    ['cluster-preferred-endpoint-type', 'hostname'],
  ] as const)
    await admin.config('SET', name, value);
  admin.disconnect();
  const { ca } = await certificate();
  const backend = redisBackend({ cluster: [`rediss://127.0.0.1:${seed}`], redis: { tls: { ca } }, timeoutMs: 6000 });
  await recovered(backend, 'k');
  expect(new Set(names)).toEqual(new Set([false, 'localhost']));
  await backend.close();
  proxy.close();
  await stop();
});

it('nodes of a Cluster that announce no host have that of the node that was asked, or that redirects', async () => {
  const { nodes, stop } = await startCluster({ primaries: 2 });
  const proxies = await Promise.all(nodes.map(({ port }) => tlsProxy(port)));
  const ports = proxies.map((proxy) => proxy.port);
  await announce(nodes, ports);
  for (const node of nodes) await ask(node, 'CONFIG', 'SET', 'cluster-preferred-endpoint-type', 'unknown-endpoint');
  const { ca } = await certificate();
  // The first one is not there.
  const cluster = [`127.0.0.1:${await freePort()}`, `localhost:${ports[0]}`].map(
    (at) => `rediss://${USER}:${PASSWORD}@${at}`,
  );
  const backend = redisBackend({ cluster, redis: { tls: { ca } }, timeoutMs: 6000 });
  const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
  await backend.multiSetValues(keys.map((key, index) => [key, index]));
  await (await SlotMove.begin(nodes, 'k0')).end();
  expect(await backend.multiGetValues(keys)).toEqual([...keys.keys()]);
  for (const { proxy, names } of proxies) {
    expect(new Set(names)).toEqual(new Set(['localhost']));
    proxy.close();
  }
  await backend.close();
  await stop();
});

it('sentinels with rediss:// URLs are asked with the given TLS options', async () => {
  const { port, stop } = await startRedis([], { tls: true });
  const sentinels = { name: 'mymaster', urls: [`rediss://localhost:${port}`] };
  const { ca } = await certificate();
  for (const [redis, reason] of [
    // This server can be reached, but is not a sentinel.
    [{ tls: { ca } }, '`sentinels` names a server that is not a sentinel'],
    [undefined, 'no sentinel can be reached (DEPTH_ZERO_SELF_SIGNED_CERT)'],
  ] as const) {
    const backend = redisBackend({ sentinels, redis, timeoutMs: 6000 });
    expect((await failureOf(backend.getValue('k'))).message).toContain(reason);
    await backend.close();
  }
  await stop();
});

it('a sentinel that requires TLS is reported, and so is a server that is not a sentinel', async () => {
  for (const [tls, reason] of [
    [true, 'UNAVAILABLE: no sentinel can be reached (ECONNRESET); the server may require TLS'],
    [false, 'BACKEND: `sentinels` names a server that is not a sentinel'],
  ] as const) {
    const server = await startRedis([], { tls });
    const backend = redisBackend({ sentinels: { name: 'm', urls: [`redis://127.0.0.1:${server.port}`] } });
    const { code, message } = await failureOf(backend.getValue('k'));
    expect(`${code}: ${message.split('": ')[1]}`).toBe(reason);
    await backend.close();
    await server.stop();
  }
});

it('a sentinel that is not there, and then closes its connections, is reported each time with the present reason', async () => {
  const port = await freePort();
  const backend = redisBackend({ sentinels: { name: 'm', urls: [`redis://127.0.0.1:${port}`] }, timeoutMs: 5000 });
  const reason = async (): Promise<string | undefined> =>
    (await failureOf(backend.getValue('k'))).message.split('": ')[1];
  expect(await reason()).toBe('no sentinel can be reached (ECONNREFUSED)');
  const sentinel = createServer((client) => client.on('error', () => undefined).once('data', () => client.end()));
  await once(sentinel.listen(port, '127.0.0.1'), 'listening');
  expect(await reason()).toBe('no sentinel can be reached; the server may require TLS');
  await backend.close();
  sentinel.close();
});

/** A server that answers by what is neither a reply nor a TLS record. */
async function foreignServer(): Promise<Server> {
  const server = createServer((client) => {
    client.on('error', () => undefined).once('data', () => client.end('220 ready\r\n'));
  });
  await listen(server);
  return server;
}

it('a sentinel that answers by a TLS alert is reported as one that may require TLS, and any other answer as of no sentinel', async () => {
  for (const [sentinel, reason] of [
    [await alertingServer(), 'UNAVAILABLE: no sentinel can be reached; the server may require TLS'],
    [await foreignServer(), 'BACKEND: `sentinels` names a server that is not a sentinel'],
  ] as const) {
    const url = `redis://127.0.0.1:${(sentinel.address() as AddressInfo).port}`;
    const backend = redisBackend({ sentinels: { name: 'm', urls: [url] }, timeoutMs: 5000 });
    const { code, message } = await failureOf(backend.getValue('k'));
    expect(`${code}: ${message.split('": ')[1]}`).toBe(reason);
    await backend.close();
    sentinel.close();
  }
});

it.each([
  ['5', Redis5 as unknown as typeof Redis],
  ['6', Redis],
])(
  'a provided client of ioredis %s whose server answers by a TLS alert, or in another protocol, is reported as such',
  async (_, Client) => {
    for (const [server, reason] of [
      [await alertingServer(), 'UNAVAILABLE: the connection was lost; the server may require TLS'],
      [await foreignServer(), 'BACKEND: the server does not speak the Redis protocol'],
    ] as const) {
      const { port } = server.address() as AddressInfo;
      const client = new Client({ host: '127.0.0.1', port, enableReadyCheck: false, disableClientInfo: true });
      client.on('error', () => undefined);
      const backend = redisBackend({ client, timeoutMs: 5000 });
      const { code, message } = await failureOf(backend.setValue('k', 1));
      expect(`${code}: ${message.split('": ')[1]}`).toBe(reason);
      client.disconnect();
      server.close();
    }
  },
);

it.each([
  ['ETIMEDOUT', 'cannot be reached (ETIMEDOUT)', 'ETIMEDOUT'],
  [undefined, 'the connection could not be made', undefined],
  // No codes of a system or TLS error, which have no small letters.
  ['s3cret ECODE', 'the connection could not be made', undefined],
  ['ECODE s3cret', 'the connection could not be made', undefined],
])('a connection without TLS that could not be made (%s) says no more than that', (code, message, shown) => {
  const error = Object.assign(new Error('s3cret'), { code });
  expect(connectionFailure(error, { options: {} })).toMatchObject({
    code: 'UNAVAILABLE',
    message,
    options: { applied: 'no', cause: { name: 'Error', code: shown } },
  });
});

it('a server that resets a connection with TLS is not said to require it', async () => {
  const server = createServer((client) => client.resetAndDestroy());
  const backend = redisBackend({ url: `rediss://127.0.0.1:${await listen(server)}`, timeoutMs: 5000 });
  expect((await failureOf(backend.getValue('k'))).message).toBe('[redis] getValue "k": cannot be reached (ECONNRESET)');
  await backend.close();
  server.close();
});

it('garbage instead of a TLS record fails calls, and not the process', async () => {
  const server = await startRedis([], { tls: true });
  const proxy = await FaultProxy.start(server);
  const { ca } = await certificate();
  const backend = redisBackend({ url: `rediss://127.0.0.1:${proxy.port}`, redis: { tls: { ca } }, timeoutMs: 500 });
  const uncaught: Error[] = [];
  const note = (error: Error): void => void uncaught.push(error);
  process.on('uncaughtExceptionMonitor', note);
  let stopped = false;
  const callers = Array.from({ length: 12 }, async () => {
    while (!stopped) {
      await backend.incr('counter').catch(() => undefined);
      await sleep(Math.random() * 4);
    }
  });
  // A call that is written in the moment in which the garbage arrives fails a second time on the same socket.
  for (let round = 0; round < 30; round++) {
    await proxy.set({ kind: 'garbage' });
    await sleep(80);
    await proxy.set(undefined);
    await sleep(40);
  }
  stopped = true;
  await Promise.all(callers);
  await backend.close();
  await proxy.stop();
  await server.stop();
  process.off('uncaughtExceptionMonitor', note);
  expect(uncaught).toEqual([]);
}, 30_000);
