import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheBackend, CacheErrorCode } from '@ninefold/core';
import { listen } from '@ninefold/tooling/servers/listen';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { keptOf } from '@ninefold/tooling/testing/kept';
import { RewritingProxy } from '@ninefold/tooling/testing/rewriting-proxy';
import { staysQuiet } from '@ninefold/tooling/testing/stays-quiet';
import { tryOutOfStep, tryOutOfStepAfterSilence } from '@ninefold/tooling/testing/try-out-of-step';
import { tryProxyErrors } from '@ninefold/tooling/testing/try-proxy-errors';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Connection } from '../src/connection.ts';
import type { Refusal } from '../src/failures.ts';
import { ProvidedClient } from '../src/provided-client.ts';
import { redisBackend } from '../src/redis.ts';
import { ReplyWatchdog } from '../src/reply-watchdog.ts';
import { unread } from '../src/sender.ts';
import { settingsOf } from '../src/settings.ts';

const TIMEOUT_MS = 5000;

/** A watchdog of a socket that the test moves. An event without a listener fails the test. */
function watch(limitMs: number, listener: { readonly onSilent?: () => void; readonly onLate?: () => void }) {
  const socket = { bytesRead: 0, destroyed: false };
  onTestFinished(() => {
    socket.destroyed = true;
  });
  const unexpected = { onSilent: expect.unreachable, onLate: expect.unreachable };
  return { socket, watchdog: new ReplyWatchdog(socket, limitMs, { ...unexpected, ...listener }) };
}

let server: ServerProcess;
let proxy: RewritingProxy;
let backend: CacheBackend;

beforeAll(async () => {
  server = await startRedis();
  proxy = await RewritingProxy.start(server);
});

afterAll(async () => {
  await proxy.stop();
  await server.stop();
});

beforeEach(async () => {
  backend = redisBackend({ url: `redis://127.0.0.1:${proxy.port}`, timeoutMs: TIMEOUT_MS });
  await backend.multiSetValues([
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ]);
});

afterEach(async () => {
  vi.restoreAllMocks();
  proxy.heal();
  await backend.close();
});

describe('an answer of the wrong shape', () => {
  it.each([
    ['no list', '+OK\r\n'],
    ['a list of counts', '*3\r\n:7\r\n:7\r\n:7\r\n'],
    ['a list that is too short', '*1\r\n$1\r\n7\r\n'],
    ['a list that is too long', '*4\r\n$1\r\n7\r\n$1\r\n7\r\n$1\r\n7\r\n$1\r\n7\r\n'],
  ])('to a batch of reads is an error, not a miss: %s', async (_, answer) => {
    proxy.rewrite = (answers) => answers.replace(/\*3\r\n.*/s, answer);
    expect((await failureOf(backend.multiGetValues(['a', 'b', 'c']))).code).toBe('BACKEND');
  });

  it('to a batch of reads, with the error of a proxy in place of a value, is that error, and a miss for a key of another type', async () => {
    const answer = (second: string): string => `*3\r\n$1\r\n1\r\n-${second}\r\n$1\r\n3\r\n`;
    proxy.rewrite = () => answer('upstream failure');
    const failure = await failureOf(backend.multiGetValues(['a', 'b', 'c']));
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', key: 'b', retryable: true, maybeApplied: false });
    proxy.rewrite = () => answer('WRONGTYPE Operation against a key holding the wrong kind of value');
    expect(await backend.multiGetValues(['a', 'b', 'c'])).toEqual([1, undefined, 3]);
  });

  it.each([
    ['a list', '*1\r\n$1\r\n7\r\n'],
    ['a count', ':7\r\n'],
  ])('to a read is an error, not a miss: %s', async (_, answer) => {
    proxy.rewrite = () => answer;
    expect((await failureOf(backend.getValue('a'))).code).toBe('BACKEND');
  });

  it.each([
    ['no number', '+QUEUED\r\n'],
    ['nothing', '$-1\r\n'],
    ['a number without digits', ':\r\n'],
  ])('to a command that counts is an error: %s', async (_, answer) => {
    proxy.rewrite = () => answer;
    for (const call of [() => backend.delete('a'), () => backend.deleteMany(['a', 'b']), () => backend.incr('a')])
      expect(await failureOf(call())).toMatchObject({ code: 'BACKEND', maybeApplied: true });
    expect((await failureOf(backend.exists('a'))).code).toBe('BACKEND');
  });

  it('to a write is an error', async () => {
    proxy.rewrite = (answers) => answers.replaceAll('+OK', '+QUEUED');
    expect(await failureOf(backend.setValue('a', 7))).toMatchObject({ code: 'BACKEND', maybeApplied: true });
    const batch = backend.multiSetValues([
      ['a', 7],
      ['b', 7],
    ]);
    expect(await failureOf(batch)).toMatchObject({ code: 'BACKEND', maybeApplied: true });
  });
});

it.each([
  ['no list', '+OK\r\n'],
  ['a list of texts', '*1\r\n$5\r\n01234\r\n'],
])('an answer to the question for the slot map is an error, not a map: %s', async (_, answer) => {
  proxy.rewrite = (answers) => answers.replace(/^-ERR This instance has cluster support disabled\r\n/, answer);
  const clustered = redisBackend({ cluster: [`redis://127.0.0.1:${proxy.port}`], timeoutMs: TIMEOUT_MS });
  const failure = await failureOf(clustered.getValue('a'));
  expect(failure.code).toBe('BACKEND');
  expect(failure.message).toContain('the reply is not a slot map');
  await clustered.close();
});

it('a redirect to an IPv6 address is followed there', async () => {
  const map = `*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:${proxy.port}\r\n`;
  proxy.rewrite = (answers) => (answers.startsWith('-ERR This instance') ? map : '-MOVED 15495 ::1:2\r\n');
  const tried = new Set<string>();
  const onSocket = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    socket.once('connectionAttempt', (address: string, port: number) => tried.add(`${address} ${port}`));
  };
  subscribe('net.client.socket', onSocket);
  const clustered = redisBackend({ cluster: [`redis://127.0.0.1:${proxy.port}`], timeoutMs: TIMEOUT_MS });
  expect(await failureOf(clustered.setValue('a', 7))).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: false });
  unsubscribe('net.client.socket', onSocket);
  expect(tried).toContain('::1 2');
  await clustered.close();
});

it('a reply to no command is not taken for the reply to a later one', async () => {
  proxy.rewrite = (answers) => `${answers}$14\r\n{"json":"foul"}\r\n`;
  expect(await backend.getValue('a')).toBe(1);
  proxy.heal();
  for (const [key, value] of [
    ['b', 2],
    ['c', 3],
  ] as const)
    expect(await backend.getValue(key)).toBe(value);
});

it('a reply that has taken in the next one ends its connection, and no other call gets the reply of its neighbour', () =>
  tryOutOfStep(backend, proxy));

it('a reply that is lost does not shift those after it either if they come after a silence', () => {
  const open = (timeoutMs: number): CacheBackend => redisBackend({ url: `redis://127.0.0.1:${proxy.port}`, timeoutMs });
  return tryOutOfStepAfterSilence(open, proxy, server);
});

tryProxyErrors(() => ({ backend, proxy }));

/** Error replies of servers, with what an increment rejects with. They are not retryable unless said. */
const refusals: [reply: string, code: CacheErrorCode, reason: string, retryable?: boolean][] = [
  [
    'NINEFOLDRANGE the counter would leave the safe range',
    'COUNTER_RANGE',
    'the result is outside ±(2^53-1); the counter is as it was',
  ],
  [
    'ERR increment or decrement would overflow',
    'COUNTER_RANGE',
    'the result is outside ±(2^53-1); the counter is as it was',
  ],
  ['ERR value is not an integer or out of range', 'NOT_A_COUNTER', 'the value is not an integer'],
  ['WRONGTYPE Operation against a key holding the wrong kind of value', 'NOT_A_COUNTER', 'the key holds another type'],
  ['NOAUTH Authentication required.', 'AUTH', 'the server requires a password'],
  ['ERR Protocol error: invalid bulk length', 'TOO_LARGE', "the value exceeds the server's proto-max-bulk-len"],
  ['ERR Protocol error: unauthenticated multibulk length', 'AUTH', 'the server requires a password'],
  ['ERR Protocol error: unauthenticated bulk length', 'AUTH', 'the server requires a password'],
  ['WRONGPASS invalid username-password pair or user is disabled.', 'AUTH', 'wrong user name or password'],
  ['ERR invalid password', 'AUTH', 'wrong user name or password'],
  ["NOPERM User cache has no permissions to run the 'eval' command", 'AUTH', 'the user lacks a permission: EVAL'],
  [
    "NOPERM User cache has no permissions to run the 'cluster|slots' command",
    'AUTH',
    'the user lacks a permission: CLUSTER|SLOTS',
  ],
  ['NOPERM No permissions to access a key', 'AUTH', 'the user lacks a permission'],
  [
    "ERR The user executing the script can't run this command or subcommand",
    'AUTH',
    'the user lacks a permission that the script needs: EXISTS, SET or INCRBY',
  ],
  [
    "ERR ACL failure in script: User cache has no permissions to run the 'incrby' command",
    'AUTH',
    'the user lacks a permission that the script needs: EXISTS, SET or INCRBY',
  ],
  [
    'DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user.',
    'AUTH',
    'the server is in protected mode: without a password it serves only its own machine',
  ],
  ['LOADING Redis is loading the dataset in memory', 'UNAVAILABLE', 'the server is loading its data', true],
  [
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    'UNAVAILABLE',
    'the replica has lost its primary',
    true,
  ],
  ['CLUSTERDOWN The cluster is down', 'UNAVAILABLE', 'the cluster is down', true],
  [
    'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
    'UNAVAILABLE',
    'the server is busy with a script',
    true,
  ],
  ['ERR max number of clients reached', 'UNAVAILABLE', 'the server has too many connections', true],
  ['MOVED 3999 127.0.0.1:6381', 'BACKEND', 'this is a node of a Redis Cluster: give its nodes as `cluster`'],
  ['ASK 3999 127.0.0.1:6381', 'BACKEND', 'this is a node of a Redis Cluster: give its nodes as `cluster`'],
  ["OOM command not allowed when used memory > 'maxmemory'.", 'BACKEND', 'the server is out of memory'],
  ["READONLY You can't write against a read only replica.", 'BACKEND', 'the server is a read-only replica', true],
  ['MISCONF Errors writing to the AOF file: No space left on device', 'BACKEND', 'the server cannot write to its disk'],
  ['NOREPLICAS Not enough good replicas to write.', 'BACKEND', 'the server has too few replicas to write', true],
  ["ERR unknown command 'EVAL', with args beginning with: ", 'BACKEND', 'the server does not know the command: EVAL'],
  ['ERR unknown command `EVAL`, with args beginning with: ', 'BACKEND', 'the server does not know the command: EVAL'],
  ['ERR DB index is out of range', 'BACKEND', 'the server has no such database'],
  [
    'ERR This instance has cluster support disabled',
    'BACKEND',
    'the server is not part of a Cluster: give it as `url`',
  ],
  ['NOTBUSY No scripts in execution right now.', 'BACKEND', 'the server refused (NOTBUSY)'],
];

it.each(refusals)('the error reply %j is %s: %s', async (reply, code, reason, retryable = false) => {
  proxy.rewrite = () => `-${reply}\r\n`;
  expect(await failureOf(backend.incr('n'))).toMatchObject({
    code,
    message: `[redis] incr "n": ${reason}`,
    retryable,
    maybeApplied: false,
    cause: { name: 'ReplyError', code: /^[A-Z]+/.exec(reply)?.[0] },
  });
});

describe('the error of a script on Redis 6', () => {
  it.each([
    ['-WRONGTYPE Operation against a key holding the wrong kind of value', 'NOT_A_COUNTER'],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'NOT_A_COUNTER'],
    ["-READONLY You can't write against a read only replica.", 'BACKEND'],
    ["-OOM command not allowed when used memory > 'maxmemory'.", 'BACKEND'],
  ])('is found behind its position in the script: %s', async (refusal, code) => {
    const place = 'ERR Error running script (call to f_0123456789abcdef): @user_script:7: @user_script: 7: ';
    proxy.rewrite = () => `-${place}${refusal}\r\n`;
    const failure = await failureOf(backend.incr('n'));
    expect(failure).toMatchObject({ code, maybeApplied: false });
    expect(failure.cause).toMatchObject({ code: /[A-Z]+/.exec(refusal)?.[0] });
  });
});

describe('a password that a server does not require', () => {
  staysQuiet();

  it('is accepted without a word on the console, by Redis 5 as well', async () => {
    const words = '-ERR Client sent AUTH, but no password is set';
    proxy.rewrite = (answers) => answers.replace(/^-ERR AUTH .*(?=\r\n)/, words);
    const greeted = redisBackend({ url: `redis://:needless@127.0.0.1:${proxy.port}`, timeoutMs: TIMEOUT_MS });
    expect(await greeted.getValue('a')).toBe(1);
    await greeted.close();
  });
});

describe('a user name for a server that knows no users', () => {
  staysQuiet();

  it('is refused without a word on the console', async () => {
    const words = "ERR wrong number of arguments for 'auth' command";
    proxy.rewrite = (answers) =>
      answers.startsWith('-WRONGPASS') ? `-${words}\r\n` : '-NOAUTH Authentication required.\r\n';
    const named = redisBackend({ url: `redis://name:s3cret@127.0.0.1:${proxy.port}`, timeoutMs: TIMEOUT_MS });
    const refusal = await failureOf(named.setValue('a', 7), ['s3cret']);
    expect(refusal).toMatchObject({ code: 'AUTH', retryable: false, maybeApplied: false });
    expect(refusal.message).toContain('the server requires a password');
    await named.close();
  });
});

it('a provided client is not used for a call that has ended', async () => {
  const provided = new ProvidedClient({ call: expect.unreachable });
  const call = { ended: true, sent: false };
  expect(await provided.send(call, { name: 'INCR', args: ['k'], key: 'k', read: unread })).toBeUndefined();
  expect(call.sent).toBe(false);
});

describe('a connection', () => {
  const make = (): Redis => new Redis({ ...settingsOf(TIMEOUT_MS, {}), ...server });
  const increment = { name: 'INCR', args: ['waited'], key: 'waited', read: unread };
  const tooLong = { name: 'MSET', args: Array<string>(10).fill('x'.repeat(2 ** 26)), key: 'k', read: unread };

  it('sends nothing for a call that ended while it waited for the connection', async () => {
    const connection = new Connection(TIMEOUT_MS, make);
    const call = { ended: false, sent: false };
    const answer = connection.send(call, increment);
    call.ended = true;
    expect(await answer).toBeUndefined();
    expect(call.sent).toBe(false);
    expect(await ask(server, 'EXISTS', 'waited')).toBe('0');
    connection.close();
  });

  it('sends a command on the next connection if it came after the socket failed', async () => {
    let client: Redis | undefined;
    const connection = new Connection(TIMEOUT_MS, () => {
      client = make();
      return client;
    });
    await connection.send({ ended: false, sent: false }, { name: 'GET', args: ['k'], key: 'k', read: unread });
    client?.stream.destroy();
    expect(await connection.send({ ended: false, sent: false }, increment)).toBe(1);
    expect(await ask(server, 'DEL', 'waited')).toBe('1');
    connection.close();
  });

  it('is lost when the server ends it, although not all is written, and the next command is sent on another', async () => {
    let links = 0;
    const half = createServer({ allowHalfOpen: true }, (client) => {
      links += 1;
      const upstream = connect(server.port, server.host);
      for (const socket of [client, upstream]) socket.on('error', () => undefined);
      client.on('close', () => upstream.destroy());
      if (links > 1) client.pipe(upstream).pipe(client);
      else client.once('data', () => client.pause().end());
    });
    const url = `redis://127.0.0.1:${await listen(half)}`;
    const lost = redisBackend({ url, timeoutMs: TIMEOUT_MS });
    const failure = await failureOf(lost.setValue('k', 'x'.repeat(50_000_000)));
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: true });
    expect(await lost.getValue('none')).toBeUndefined();
    await lost.close();
    half.close();
  });

  it('sends a command on the next connection if its socket ended during the handshake, as in a failover', async () => {
    const connection = new Connection(TIMEOUT_MS, () => {
      const client = new Redis({ ...settingsOf(TIMEOUT_MS, { connectionName: 'name' }), ...server });
      client.once('connect', () => client.stream.end());
      return client;
    });
    expect(await connection.send({ ended: false, sent: false }, increment)).toBe(1);
    expect(await ask(server, 'DEL', 'waited')).toBe('1');
    connection.close();
  });

  it('refuses a command that is longer than a string can be, and goes on', async () => {
    const connection = new Connection(TIMEOUT_MS, make);
    const call = { ended: false, sent: false };
    await expect(connection.send(call, tooLong)).rejects.toMatchObject({
      code: 'TOO_LARGE',
      options: { applied: 'no' },
    });
    await expect(connection.sendAsking(call, tooLong)).rejects.toMatchObject({ options: { applied: 'no' } });
    expect(await connection.send(call, { name: 'PING', args: [], key: 'k', read: unread })).toBe('PONG');
    connection.close();
  });

  it('is not made after it was closed', async () => {
    const connection = new Connection(TIMEOUT_MS, expect.unreachable);
    connection.close();
    const sent = connection.send({ ended: false, sent: false }, increment);
    await expect(sent).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('is not made if it is closed while it waits for its next attempt', async () => {
    const attempts = vi.spyOn(Redis.prototype, 'connect');
    // The server refuses the database, so the connection is not made again before it is needed.
    const connection = new Connection(
      TIMEOUT_MS,
      () => new Redis({ ...settingsOf(TIMEOUT_MS, {}), ...server, db: 99 }),
    );
    const send = (): Promise<unknown> => connection.send({ ended: false, sent: false }, increment);
    await expect(send()).rejects.toMatchObject({ message: 'the server has no such database' });
    const waiting = send();
    connection.close();
    await expect(waiting).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    // Longer than the pause between two attempts.
    await sleep(100);
    expect(attempts).toHaveBeenCalledTimes(1);
  });

  it('is kept while it owes no reply, after a command that was refused or not sent as well', async () => {
    const connection = new Connection(400, make);
    const call = { ended: false, sent: false };
    const id = (): Promise<unknown> => connection.send(call, { name: 'CLIENT', args: ['ID'], key: 'ID', read: unread });
    const first = await id();
    const unknown = { name: 'NONE', args: [], key: 'k', read: unread };
    await expect(connection.send(call, unknown)).rejects.toMatchObject({ kind: 'UNKNOWN' });
    await expect(connection.send(call, tooLong)).rejects.toMatchObject({ code: 'TOO_LARGE' });
    // Longer than a silent connection is kept.
    await sleep(1000);
    expect(await id()).toBe(first);
    connection.close();
  });

  describe('that was replaced', () => {
    let replica: ServerProcess;

    beforeAll(async () => {
      replica = await startRedis(['--replicaof', '127.0.0.1 1']);
    });

    afterAll(() => replica.stop());

    const sendBy =
      (connection: Connection) =>
      (name: string, ...args: string[]): Promise<unknown> =>
        connection.send({ ended: false, sent: false }, { name, args, key: 'k', read: unread });

    it('is not kept in memory', async () => {
      const clients: WeakRef<object>[] = [];
      const connection = new Connection(TIMEOUT_MS, () => {
        const client = new Redis({ ...settingsOf(TIMEOUT_MS, {}), ...replica });
        clients.push(new WeakRef(client));
        return client;
      });
      const send = sendBy(connection);
      for (let time = 0; time < 10; time++) {
        // Vitest keeps what `rejects` gets: an error, whose stack holds the connection.
        const kind = await send('INCR', 'k').catch((error: Refusal) => error.kind);
        expect(kind).toBe('READONLY');
        // A connection that has just replaced another is not replaced.
        await sleep(60);
      }
      expect(clients).toHaveLength(10);
      await expect.poll(() => keptOf(clients)).toBeLessThan(4);
      connection.close();
    });

    it('ends when the backend is closed, although it still owes a reply', async () => {
      // Only `close` can end a connection that waits so long for a reply.
      const HOUR_MS = 3_600_000;
      const connection = new Connection(HOUR_MS, () => new Redis({ ...settingsOf(HOUR_MS, {}), ...replica }));
      const send = sendBy(connection);
      const id = await send('CLIENT', 'ID');
      const refused = expect(send('INCR', 'k')).rejects.toMatchObject({ kind: 'READONLY' });
      const owed = send('XREAD', 'BLOCK', '0', 'STREAMS', 'none', '$');
      const lost = expect(owed).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await refused;
      expect(await send('CLIENT', 'ID')).not.toBe(id);
      connection.close();
      await lost;
      await expect.poll(() => ask(replica, 'CLIENT', 'LIST')).not.toContain(`id=${id} `);
    });
  });

  it('ends with a reply to no command', async () => {
    const make = () => new Redis({ ...settingsOf(TIMEOUT_MS, {}), port: proxy.port });
    const connection = new Connection(TIMEOUT_MS, make);
    const id = (): Promise<unknown> =>
      connection.send({ ended: false, sent: false }, { name: 'CLIENT', args: ['ID'], key: 'ID', read: unread });
    const first = await id();
    proxy.rewrite = (answers) => `${answers}+foul\r\n`;
    expect(await id()).toBe(first);
    proxy.heal();
    expect(await id()).not.toBe(first);
    connection.close();
  });

  it('is kept although the one before it was refused', async () => {
    const login = { username: 'late', password: 's3cret' };
    const connection = new Connection(400, () => new Redis({ ...settingsOf(400, {}), ...server, ...login }));
    const id = (): Promise<unknown> =>
      connection.send({ ended: false, sent: false }, { name: 'CLIENT', args: ['ID'], key: 'ID', read: unread });
    await expect(id()).rejects.toMatchObject({ code: 'AUTH' });
    await ask(server, 'ACL', 'SETUSER', login.username, 'on', `>${login.password}`, '+@all');
    const first = await id();
    // Longer than a late reply is waited for.
    await sleep(1000);
    expect(await id()).toBe(first);
    connection.close();
  });

  it('that refused a write as a replica is replaced once, although it refuses another one later, and ends with its replies', async () => {
    const replica = await startRedis(['--replicaof', '127.0.0.1 1']);
    const connection = new Connection(TIMEOUT_MS, () => new Redis({ ...settingsOf(TIMEOUT_MS, {}), ...replica }));
    const send = (name: string, ...args: string[]): Promise<unknown> =>
      connection.send({ ended: false, sent: false }, { name, args, key: 'k', read: unread });
    const id = await send('CLIENT', 'ID');
    const owed = [send('INCR', 'k'), send('XREAD', 'BLOCK', '500', 'STREAMS', 'none', '$'), send('INCR', 'k')] as const;
    const refused = expect(owed[2]).rejects.toMatchObject({ kind: 'READONLY' });
    await expect(owed[0]).rejects.toMatchObject({ kind: 'READONLY' });
    const next = await send('CLIENT', 'ID');
    expect(next).not.toBe(id);
    expect(await owed[1]).toBeNull();
    await refused;
    // Long before a late reply would end it.
    const clients = (): Promise<string> => ask(replica, 'CLIENT', 'LIST');
    await expect.poll(clients, { timeout: TIMEOUT_MS / 2 }).not.toContain(`id=${id} `);
    expect(await send('CLIENT', 'ID')).toBe(next);
    connection.close();
    await replica.stop();
  });

  it('to a database that the server refuses fails each call with that reason, whenever it is made', async () => {
    const refused = redisBackend({ url: `redis://127.0.0.1:${server.port}/99`, timeoutMs: TIMEOUT_MS });
    const calls: Promise<{ readonly message: string }>[] = [];
    for (let call = 0; call < 400; call++) {
      calls.push(failureOf(refused.incr('n')));
      await new Promise(call % 2 === 0 ? setImmediate : process.nextTick);
    }
    for (const { message } of await Promise.all(calls)) expect(message).toContain('the server has no such database');
    await refused.close();
  });

  it('returns the reply to a command although ASKING before it was refused', async () => {
    const connection = new Connection(TIMEOUT_MS, make);
    const call = { ended: false, sent: false };
    // This server is not part of a cluster, and does not know ASKING.
    expect(await connection.sendAsking(call, { name: 'INCR', args: ['asked'], key: 'asked', read: unread })).toBe(1);
    expect(await ask(server, 'GET', 'asked')).toBe('1');
    connection.close();
  });

  it('that was refused a while ago is tried again at once', async () => {
    const refused = redisBackend({ url: `redis://127.0.0.1:${server.port}/99`, timeoutMs: TIMEOUT_MS });
    await failureOf(refused.getValue('k'));
    await sleep(100);
    const order: string[] = [];
    const connect = Redis.prototype.connect;
    vi.spyOn(Redis.prototype, 'connect').mockImplementation(function (this: Redis) {
      order.push('an attempt');
      return connect.call(this);
    });
    const timers = vi.spyOn(globalThis, 'setTimeout');
    // However busy the machine is, timers keep their order.
    const timer = sleep(25).then(() => order.push('25 ms'));
    await failureOf(refused.getValue('k'));
    await timer;
    // For a negative delay Node 24 writes a warning to the console.
    expect(Math.min(...timers.mock.calls.map(([, delay = 0]) => delay))).toBeGreaterThanOrEqual(0);
    expect(order).toEqual(['an attempt', '25 ms']);
    await refused.close();
  });

  it('is not closed, and holds no call back, because of options for the commands of ioredis', async () => {
    // The mapping is one that ioredis refuses for RESP2.
    const replyMapping = 'resp3' as const;
    const redis = { enableAutoPipelining: true, commandTimeout: 20, socketTimeout: 20, replyMapping };
    const patient = redisBackend({ url: `redis://127.0.0.1:${server.port}`, timeoutMs: TIMEOUT_MS, redis });
    const greeting = redisBackend({ url: `redis://127.0.0.1:${server.port}/1`, timeoutMs: TIMEOUT_MS, redis });
    // The handshake has a SELECT, which waits as well.
    await ask(server, 'CLIENT', 'PAUSE', '200', 'ALL');
    await greeting.setValue('k', 1);
    await greeting.close();
    await patient.setValue('k', 1);
    await ask(server, 'CLIENT', 'PAUSE', '200', 'WRITE');
    await patient.setValue('k', 2);
    expect(await ask(server, 'GET', 'k')).toBe('2');
    await patient.close();
  });

  it('stores values although it is told to monitor its server', async () => {
    const monitor = redisBackend({ url: `redis://127.0.0.1:${server.port}`, redis: { monitor: true } });
    await monitor.setValue('k', 'told');
    expect(await ask(server, 'GET', 'k')).toContain('told');
    await monitor.close();
  });

  it('is silent from when it owes a reply, not from when it was made', async () => {
    const LIMIT_MS = 400;
    let sent = Number.NaN;
    const silentMs = await new Promise<number>((resolve) => {
      const onSilent = (): void => resolve(performance.now() - sent);
      const { watchdog } = watch(LIMIT_MS, { onSilent });
      watchdog.sent();
      watchdog.answered();
      setTimeout(() => {
        sent = performance.now();
        watchdog.sent();
      }, 225);
    });
    expect(silentMs).toBeGreaterThanOrEqual(LIMIT_MS);
  });

  it('is silent although more commands are sent on it', async () => {
    let more: ReturnType<typeof setInterval> | undefined;
    onTestFinished(() => clearInterval(more));
    await new Promise<void>((resolve) => {
      const { watchdog } = watch(100, { onSilent: resolve });
      watchdog.sent();
      more = setInterval(() => watchdog.sent(), 10);
    });
  });

  it('is silent although a part of its reply has arrived', async () => {
    await new Promise<void>((resolve) => {
      const { socket, watchdog } = watch(100, { onSilent: resolve, onLate: () => undefined });
      watchdog.sent();
      socket.bytesRead += 1;
    });
  });

  it('is not silent after a stall that began just before a check', async () => {
    const [LIMIT_MS, CHECK_MS] = [300, 250];
    let silent = false;
    const onSilent = (): void => {
      silent = true;
    };
    const { socket, watchdog } = watch(LIMIT_MS, { onSilent });
    watchdog.sent();
    await new Promise<void>((resolve) => {
      // Timers of the same length fire in their order, and so does what they leave to the same turn.
      setTimeout(() => setImmediate(resolve), CHECK_MS);
    });
    const end = performance.now() + LIMIT_MS;
    while (performance.now() < end);
    // Sockets are read after the timers.
    await new Promise<void>((resolve) => setImmediate(resolve));
    socket.bytesRead += 1;
    watchdog.answered();
    expect(silent).toBe(false);
  });

  it('is not late if each reply is in time, although it always owes one, and late once one is not', async () => {
    // More than twice the time between two checks.
    const LIMIT_MS = 600;
    let late = false;
    const onLate = (): void => {
      late = true;
    };
    const { socket, watchdog } = watch(LIMIT_MS, { onLate });
    watchdog.sent();
    // Each command is answered when the next is sent.
    for (let answer = 0; answer < 4; answer++) {
      await sleep(LIMIT_MS - 200);
      socket.bytesRead += 1;
      watchdog.sent();
      watchdog.answered();
    }
    expect(late).toBe(false);
    // From here on bytes arrive, and no reply.
    const drip = setInterval(() => {
      socket.bytesRead += 1;
    }, 50);
    onTestFinished(() => clearInterval(drip));
    await expect.poll(() => late).toBe(true);
  });
});
