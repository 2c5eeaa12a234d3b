import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheBackend, Call, DriverError } from '@ninefold/core';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { listen } from '@ninefold/tooling/servers/listen';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { keptOf } from '@ninefold/tooling/testing/kept';
import { RewritingProxy } from '@ninefold/tooling/testing/rewriting-proxy';
import { createClient as createClient6, createClientPool as createPool6, RESP_TYPES } from 'redis';
import { createClient as createClient5, createClientPool as createPool5 } from 'redis-5';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Connection } from '../src/connection.ts';
import type { OwnClient } from '../src/link.ts';
import { type NodeRedisBackendOptions, nodeRedisBackend, type RedisClient } from '../src/node-redis.ts';

/** Longer than any test: only `close` can end a connection that waits so long for a reply. */
const HOUR_MS = 3_600_000;

const unread = (reply: unknown): unknown => reply;

it('a call that ended while it waited for the connection is not sent', async () => {
  const server = await startRedis();
  const create = () => createClient6({ url: `redis://${server.host}:${server.port}`, RESP: 2 });
  const connection = new Connection(create as () => OwnClient, 5000);
  const call = { ended: false, sent: false } as { -readonly [name in keyof Call]: Call[name] };
  const answer = connection.send(call, ['INCR', 'n'], unread);
  call.ended = true;
  expect(await answer).toBeUndefined();
  expect(call.sent).toBe(false);
  expect(await ask(server, 'EXISTS', 'n')).toBe('0');
  connection.close();
  await server.stop();
});

it('a connection that is closed while it waits for its next attempt does not make it', async () => {
  let attempts = 0;
  const server = createServer((client) => {
    attempts += 1;
    client.destroy();
  });
  const url = `redis://127.0.0.1:${await listen(server)}`;
  const create = () => createClient6({ url, RESP: 2, socket: { reconnectStrategy: false } });
  const connection = new Connection(create as () => OwnClient, 5000);
  const calls = Array.from({ length: 9 }, () => {
    const call = connection.send({ ended: false } as Call, ['INCR', 'n'], unread);
    connection.close();
    return call;
  });
  for (const call of calls)
    await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE', options: { applied: 'no' } });
  // Longer than the pauses between nine attempts.
  await sleep(600);
  // Those that did not have to wait: the first, and one after each 50 ms that creating the clients took.
  expect(attempts).toBeLessThan(9);
  server.close();
});

it.each([
  ['replies', '*-1'],
  ['error replies', '-OOM'],
])('a connection that always owes a reply is kept as long as %s arrive', async (_, reply) => {
  const server = await startRedis();
  const proxy = await RewritingProxy.start(server);
  proxy.rewrite = (replies) => replies.replaceAll('*-1', reply);
  const create = () => createClient6({ url: `redis://127.0.0.1:${proxy.port}`, RESP: 2 });
  const connection = new Connection(create as () => OwnClient, 900);
  const send = (...args: string[]) => connection.send({ ended: false } as Call, args, unread);
  const id = await send('CLIENT', 'ID');
  // Each begins when the one before has ended, and together they take twice as long as a silent connection is kept.
  const waits = Array.from({ length: 8 }, () => send('XREAD', 'BLOCK', '250', 'STREAMS', 'none', '$'));
  const outcome = reply === '*-1' ? { status: 'fulfilled', value: null } : { reason: { code: 'BACKEND' } };
  expect(await Promise.allSettled(waits)).toMatchObject(waits.map(() => outcome));
  expect(await send('CLIENT', 'ID')).toBe(id);
  connection.close();
  await proxy.stop();
  await server.stop();
});

/** What the backend answers first once the proxy is healed, to a caller that repeats its call at once. */
async function firstAnswer(backend: CacheBackend, proxy: FaultProxy): Promise<unknown> {
  setTimeout(() => proxy.set(undefined), 100);
  const end = performance.now() + 10_000;
  let answer: unknown;
  do answer = await backend.exists('k').catch(() => 'no answer');
  while (answer === 'no answer' && performance.now() < end);
  return answer;
}

it('a connection that falls silent as soon as it is made is found silent as soon as any other', async () => {
  const server = await startRedis();
  const proxy = await FaultProxy.start(server);
  const create = () => createClient6({ url: `redis://127.0.0.1:${proxy.port}`, RESP: 2 });
  // Shorter than an attempt to connect may take.
  const connection = new Connection(create as () => OwnClient, 100);
  const send = (...args: string[]) => connection.send({ ended: false } as Call, args, unread);
  await send('CLIENT', 'ID');
  await proxy.set({ kind: 'silence' });
  const read = send('GET', 'k').catch(({ code }: DriverError) => code);
  // Turns of the event loop, in case it has stalled for longer than both.
  const late = sleep(450).then(() => sleep(20));
  expect(await Promise.race([read, late])).toBe('UNAVAILABLE');
  connection.close();
  await proxy.stop();
  await server.stop();
});

it('a read that was answered is not kept in memory', async () => {
  const server = await startRedis();
  const create = () => createClient6({ url: `redis://${server.host}:${server.port}`, RESP: 2 });
  const connection = new Connection(create as () => OwnClient, 5000);
  const results: WeakRef<object>[] = [];
  const read = (reply: unknown): object => {
    const result = { reply };
    results.push(new WeakRef(result));
    return result;
  };
  for (let call = 0; call < 20; call++) await connection.send({ ended: false } as Call, ['GET', 'k'], read);
  expect(results).toHaveLength(20);
  await expect.poll(() => keptOf(results)).toBeLessThan(3);
  connection.close();
  await server.stop();
});

it('a connection that has ended is not kept in memory', async () => {
  const clients: WeakRef<object>[] = [];
  const create = (): OwnClient => {
    const client = createClient6({ url: 'redis://127.0.0.1:1', RESP: 2, socket: { reconnectStrategy: false } });
    clients.push(new WeakRef(client));
    return client as unknown as OwnClient;
  };
  const connection = new Connection(create, 300);
  for (let call = 0; call < 20; call++) {
    const outcome = connection.send({ ended: false } as Call, ['GET', 'k'], unread);
    // Vitest keeps what `rejects` gets: an error, whose stack holds the connection.
    expect(await outcome.catch((error: DriverError) => error.code)).toBe('UNAVAILABLE');
  }
  expect(clients).toHaveLength(20);
  await expect.poll(() => keptOf(clients)).toBeLessThan(3);
  connection.close();
});

it('an idle connection keeps its process alive until it is closed', async () => {
  const server = await startRedis();
  const create = () => createClient6({ url: `redis://${server.host}:${server.port}`, RESP: 2 });
  const connection = new Connection(create as () => OwnClient, 5000);
  // Handles that do not keep the process alive are not listed.
  const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
  const before = sockets();
  await connection.send({ ended: false } as Call, ['GET', 'k'], unread);
  expect(sockets()).toBe(before + 1);
  connection.close();
  await expect.poll(sockets).toBe(before);
  await server.stop();
});

it('a connection that was replaced and still owes replies ends when the backend is closed', async () => {
  const server = await startRedis(['--replicaof', '127.0.0.1 1']);
  const create = () => createClient6({ url: `redis://${server.host}:${server.port}`, RESP: 2 });
  const connection = new Connection(create as () => OwnClient, HOUR_MS);
  const send = (...args: string[]) => connection.send({ ended: false } as Call, args, unread);
  const id = await send('CLIENT', 'ID');
  const refused = expect(send('INCR', 'n')).rejects.toMatchObject({ code: 'BACKEND' });
  const owed = expect(send('XREAD', 'BLOCK', '0', 'STREAMS', 'none', '$')).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
  await refused;
  expect(await send('CLIENT', 'ID')).not.toBe(id);
  connection.close();
  await owed;
  await expect.poll(() => ask(server, 'CLIENT', 'LIST')).not.toContain(`id=${id} `);
  await server.stop();
});

it('a connection that refused a write as a replica gets no further calls, although it still owes replies', async () => {
  const server = await startRedis(['--replicaof', '127.0.0.1 1']);
  const create = () => createClient6({ url: `redis://${server.host}:${server.port}`, RESP: 2 });
  const connection = new Connection(create as () => OwnClient, 5000);
  const send = (...args: string[]) => connection.send({ ended: false } as Call, args, unread);
  const id = await send('CLIENT', 'ID');
  const refused = send('INCR', 'n');
  const owed = send('XREAD', 'BLOCK', '1000', 'STREAMS', 'none', '$');
  await expect(refused).rejects.toMatchObject({ code: 'BACKEND', options: { cause: { code: 'READONLY' } } });
  const next = await send('CLIENT', 'ID');
  expect(next).not.toBe(id);
  expect(await owed).toBeNull();
  await expect.poll(() => ask(server, 'CLIENT', 'LIST')).not.toContain(`id=${id} `);
  expect(await send('CLIENT', 'ID')).toBe(next);
  connection.close();
  await server.stop();
});

it('a connection that fell silent ends although the server replied shortly before', async () => {
  const server = await startRedis();
  const create = () => createClient6({ url: `redis://${server.host}:${server.port}`, RESP: 2 });
  const connection = new Connection(create as () => OwnClient, 900);
  const send = (...args: string[]) => connection.send({ ended: false } as Call, args, unread);
  await send('CLIENT', 'ID');
  // Halfway to the first check.
  await sleep(500);
  await send('CLIENT', 'ID');
  await expect(send('XREAD', 'BLOCK', '0', 'STREAMS', 'none', '$')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  connection.close();
  await server.stop();
});

it.each([
  ['5', createClient5],
  ['6', createClient6],
] as const)(
  'a provided client of redis %s without a connection reports that nothing was sent',
  async (_, createClient) => {
    const server = await startRedis();
    // A killed server may accept one more connection while it ends, which redis 5.9.0 reports as ready for ever.
    const proxy = await FaultProxy.start(server);
    const client = (createClient as typeof createClient6)({
      url: `redis://127.0.0.1:${proxy.port}`,
      disableOfflineQueue: true,
    });
    client.on('error', () => undefined);
    const backend = nodeRedisBackend({ client, timeoutMs: 5000 });
    const fails = async (): Promise<void> => {
      for (const call of [() => backend.setValue('k', 1), () => backend.incr('k'), () => backend.delete('k')])
        expect(await failureOf(call())).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied: false });
    };
    await fails();
    await client.connect();
    await backend.setValue('k', 1);
    await proxy.set({ kind: 'refuse' });
    await expect.poll(() => client.isReady).toBe(false);
    await fails();
    client.destroy();
    await fails();
    await proxy.stop();
    await server.stop();
  },
);

it.each([
  ['5', createClient5],
  ['6', createClient6],
] as const)(
  'a provided client of redis %s connects again although a caller repeats its call at once',
  async (_, createClient) => {
    const server = await startRedis();
    const proxy = await FaultProxy.start(server);
    const client = (createClient as typeof createClient6)({
      url: `redis://127.0.0.1:${proxy.port}`,
      disableOfflineQueue: true,
    });
    client.on('error', () => undefined);
    await client.connect();
    const backend = nodeRedisBackend({ client, timeoutMs: 5000 });
    await proxy.set({ kind: 'refuse' });
    await expect.poll(() => client.isReady).toBe(false);
    expect(await firstAnswer(backend, proxy)).toBe(false);
    client.destroy();
    await proxy.stop();
    await server.stop();
  },
);

it.each([
  ['client of redis 5', createClient5],
  ['client of redis 6', createClient6],
  ['pool of redis 5', createPool5],
  ['pool of redis 6', createPool6],
] as const)('a %s that answers in types of its owner gives what was stored', async (_, create) => {
  const server = await startRedis();
  const client = (create as typeof createClient6)({ url: `redis://${server.host}:${server.port}` });
  await client.connect();
  const typed = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.NUMBER]: String });
  const backend = nodeRedisBackend({ client: typed, timeoutMs: 5000 });
  await backend.multiSetValues([
    ['k', 'v'],
    ['n', 41],
  ]);
  expect(await backend.incr('n')).toBe(42);
  expect(await backend.getValue('k')).toBe('v');
  expect(await backend.multiGetValues(['k', 'n', 'none'])).toEqual(['v', 42, undefined]);
  expect(await backend.deleteMany(['k', 'n', 'none'])).toBe(2);
  client.destroy();
  await server.stop();
});

describe.each([
  ['5', createPool5 as unknown as typeof createPool6],
  ['6', createPool6],
] as const)('a pool of redis %s', (_, createPool) => {
  let server: ServerProcess;
  let proxy: FaultProxy;

  beforeAll(async () => {
    server = await startRedis();
    proxy = await FaultProxy.start(server);
  });

  afterAll(async () => {
    await proxy.stop();
    await server.stop();
  });

  /** Of one client. */
  const poolOf = async (acquireTimeout: number) => {
    const url = `redis://127.0.0.1:${proxy.port}`;
    const pool = createPool({ url, disableOfflineQueue: true }, { minimum: 1, maximum: 1, acquireTimeout });
    pool.on('error', () => undefined);
    await pool.connect();
    return pool;
  };

  const occupy = (pool: RedisClient, milliseconds: number): Promise<unknown> =>
    pool.sendCommand(['XREAD', 'BLOCK', String(milliseconds), 'STREAMS', 'none', '$']);

  it('sends nothing for a call that is given up while all clients are busy', async () => {
    const pool = await poolOf(30_000);
    const backend = nodeRedisBackend({ client: pool, timeoutMs: 200 });
    const busy = occupy(pool, 1500);
    const calls = [
      backend.incr('waits'),
      backend.setValue('waits', 1),
      backend.multiSetValues([['waits', 1]], { ttl: 60 }),
      backend.delete('kept'),
    ];
    for (const failure of await Promise.all(calls.map((call) => failureOf(call))))
      expect(failure).toMatchObject({ code: 'TIMEOUT', retryable: true, maybeApplied: false });
    await ask(server, 'SET', 'kept', '1');
    const other = nodeRedisBackend({ client: pool, timeoutMs: 5000 });
    const closed = failureOf(other.incr('waits'));
    await other.close();
    expect(await closed).toMatchObject({ code: 'CLOSED', maybeApplied: false });
    await busy;
    expect(await backend.multiGetValues(['waits', 'kept'])).toEqual([undefined, 1]);
    pool.destroy();
  });

  it('may have applied a part of a batch while another part waits for a client', async () => {
    const pool = await poolOf(30_000);
    const backend = nodeRedisBackend({ client: pool, timeoutMs: 1000 });
    await server.pause();
    // More than one command takes.
    const failure = await failureOf(backend.deleteMany(Array.from({ length: 5001 }, (_, index) => `k${index}`)));
    server.resume();
    expect(failure).toMatchObject({ code: 'TIMEOUT', maybeApplied: true });
    pool.destroy();
  });

  it('reports that nothing was sent if no client was free in time', async () => {
    const pool = await poolOf(100);
    const backend = nodeRedisBackend({ client: pool, timeoutMs: 5000 });
    const busy = occupy(pool, 1000);
    const calls = [backend.incr('n'), backend.deleteMany(['a', 'b']), backend.getValue('n')];
    for (const failure of await Promise.all(calls.map((call) => failureOf(call)))) {
      expect(failure).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied: false });
      expect(failure.message).toContain('no client of the pool was free');
    }
    await busy;
    expect(await backend.incr('n')).toBe(1);
    await ask(server, 'DEL', 'n');
    pool.destroy();
  });

  it('finds its server again although a caller repeats its call at once', async () => {
    const pool = await poolOf(30_000);
    const backend = nodeRedisBackend({ client: pool, timeoutMs: 5000 });
    await proxy.set({ kind: 'refuse' });
    await expect.poll(() => backend.exists('k').catch(({ message }: Error) => message)).toContain('no connection');
    expect(await firstAnswer(backend, proxy)).toBe(false);
    pool.destroy();
  });

  it('reports that nothing was sent without a connection, and finds its server again', async () => {
    const pool = await poolOf(30_000);
    const backend = nodeRedisBackend({ client: pool, timeoutMs: 5000 });
    await proxy.set({ kind: 'refuse' });
    const fails = async (): Promise<void> => {
      for (const call of [() => backend.setValue('k', 1), () => backend.incr('k'), () => backend.delete('k')])
        expect(await failureOf(call())).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied: false });
    };
    await expect.poll(() => backend.exists('k').catch(({ message }: Error) => message)).toContain('no connection');
    await fails();
    await proxy.set(undefined);
    await expect.poll(() => backend.incr('k').catch(() => 'no answer'), { timeout: 10_000 }).toBe(1);
    await backend.close();
    expect(await pool.sendCommand(['GET', 'k'])).toBe('1');
    const other = nodeRedisBackend({ client: pool });
    await pool.close();
    expect(await failureOf(other.incr('k'))).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: false });
  });
});

/** More than a client sends when it connects. */
const QUEUE_LENGTH = 9;

it.each([
  ['a backend of its own', (url: string) => ({ url, redis: { commandsQueueMaxLength: QUEUE_LENGTH } })],
  [
    'a provided client of redis 5',
    async (url: string) => ({ client: await createClient5({ url, commandsQueueMaxLength: QUEUE_LENGTH }).connect() }),
  ],
  [
    'a provided client of redis 6',
    async (url: string) => ({ client: await createClient6({ url, commandsQueueMaxLength: QUEUE_LENGTH }).connect() }),
  ],
])(
  'the full queue of %s sends nothing more, but is sent although a caller repeats its call at once',
  async (_, make) => {
    const server = await startRedis();
    const options: NodeRedisBackendOptions = await make(`redis://${server.host}:${server.port}`);
    const backend = nodeRedisBackend({ ...options, timeoutMs: 10_000 });
    await backend.setValue('k', 1);
    const taken = Array.from({ length: QUEUE_LENGTH }, () => backend.incr('k'));
    const failure = await failureOf(backend.incr('k'));
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied: false });
    expect(failure.message).toContain('the queue of the client is full');
    await Promise.all(taken);
    expect(await backend.getValue('k')).toBe(1 + QUEUE_LENGTH);
    const more = Array.from({ length: QUEUE_LENGTH }, () => backend.incr('k'));
    const end = performance.now() + 10_000;
    let stored: boolean;
    do
      stored = await backend.setValue('l', 1).then(
        () => true,
        () => false,
      );
    while (!stored && performance.now() < end);
    expect(stored).toBe(true);
    await Promise.all(more);
    await backend.close();
    if (options.client !== undefined) (options.client as ReturnType<typeof createClient6>).destroy();
    await server.stop();
  },
);

it('a keyPrefix of a provided client is not added to the keys of entries', async () => {
  const server = await startRedis();
  const client = await createClient6({ url: `redis://${server.host}:${server.port}`, keyPrefix: 'prefix:' }).connect();
  const backend = nodeRedisBackend({ client, namespace: 'shop', timeoutMs: 5000 });
  await backend.setValue('k', 1);
  await backend.multiSetValues([
    ['l', 2],
    ['m', 3],
  ]);
  expect(await ask(server, 'EXISTS', 'shop:k', 'shop:l', 'shop:m')).toBe('3');
  expect(await backend.incr('k')).toBe(2);
  client.destroy();
  await server.stop();
});
