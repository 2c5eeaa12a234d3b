import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { expect, it } from 'vitest';
import { nodeRedisBackend } from '../src/node-redis.ts';

/** What keeps the process from ending. */
const sockets = (): number =>
  process.getActiveResourcesInfo().filter((kind) => /^(TCPSocket|TLS)Wrap$/.test(kind)).length;

it('a backend that is closed while it connects holds no process, and ends the connection once it is made', async () => {
  const server = await startRedis([], { tls: true });
  const relay = createServer().listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const before = sockets();
  const url = `rediss://127.0.0.1:${(relay.address() as AddressInfo).port}`;
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
  // Its greeting goes on from here.
  const ended = once(client, 'close');
  client.pipe(connect(server.port, server.host)).pipe(client);
  await ended;
  relay.close();
  await server.stop();
});
