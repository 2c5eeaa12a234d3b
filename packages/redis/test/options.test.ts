import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { freePort } from '@ninefold/tooling/servers/free-port';
import { listen } from '@ninefold/tooling/servers/listen';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { describe, expect, it, vi } from 'vitest';
import { type RedisBackendOptions, redisBackend } from '../src/redis.ts';
import { parseServer } from '../src/url.ts';
import { startServer } from './support/server.ts';

function refusalOf(options: unknown): unknown {
  try {
    redisBackend(options as RedisBackendOptions);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('a url', () => {
  it('returns every part of a URL, decoded', () => {
    expect(parseServer('rediss://us%3Aer:p%40ss@[::1]:6380/2?family=6', 6379)).toEqual({
      host: '::1',
      port: 6380,
      username: 'us:er',
      password: 'p@ss',
      db: 2,
      family: 6,
      secure: true,
    });
  });

  it('leaves out missing parts, for the ioredis options to set', () => {
    const bare = { host: 'host', port: 6379, secure: false };
    expect(parseServer('redis://host', 6379)).toStrictEqual(bare);
    expect(parseServer('redis://host/', 6379)).toStrictEqual(bare);
  });
});

describe('redisBackend', () => {
  const refused: Record<string, [what: string, options: unknown][]> = {
    'url is missing: give { url': [
      ['no options', undefined],
      ['a url in place of the options', 'redis://user:s3cret@host'],
      ['url: undefined, as process.env gives it', { url: undefined }],
    ],
    'url is not a URL': [
      ['an empty url', { url: '' }],
      ['what is no url', { url: 's3cret@host' }],
      ['a list as the url', { url: ['redis://user:s3cret@host'] }],
    ],
    'url has a # that is not percent-encoded': [
      ['a password whose end looks like a fragment', { url: 'redis://user:12#s3cret@host' }],
    ],
    'url must begin with redis:// or rediss:// and name a host': [
      ['an http url', { url: 'http://user:s3cret@host' }],
      ['a url without a host', { url: 'redis:///0' }],
    ],
    'redis must be an object': [
      ['redis: null', { url: 'redis://127.0.0.1', redis: null }],
      ['options of ioredis that are a text', { url: 'redis://127.0.0.1', redis: 's3cret' }],
    ],
    'url has a path that is not a database number': [
      ['a url whose path is no database', { url: 'redis://user:s3cret@host/first' }],
      ['a url with a number that no database has', { url: 'redis://user:s3cret@host/99999999999999999999' }],
    ],
    'redis.db must be a database number': [
      ['a database that is NaN', { url: 'redis://user:s3cret@host', redis: { db: Number.NaN } }],
      ['a database that is no whole number', { url: 'redis://user:s3cret@host', redis: { db: 1.5 } }],
    ],
    'redis.tls.servername must be a string': [
      ['a server name that is no text', { url: 'rediss://user:s3cret@host', redis: { tls: { servername: 5 } } }],
    ],
    'url has parameters': [['a url with parameters', { url: 'redis://user:s3cret@host?password=s3cret' }]],
    'url has a family other than 0, 4 and 6': [
      ['a url with an unknown address family', { url: 'redis://user:s3cret@host?family=46' }],
    ],
    'url has a user or password that is not percent-encoded': [
      ['a password that is not percent-encoded', { url: 'redis://user:s3cret%@host' }],
    ],
    'give one of url and client': [
      ['a url beside a client', { url: 'redis://user:s3cret@host', client: { call: () => undefined } }],
    ],
    'client must be a Redis or Cluster': [['a client that is none', { client: {} }]],
    'client keeps its own settings': [
      ['options of ioredis beside a client', { client: { call: () => undefined }, redis: { password: 's3cret' } }],
    ],
    'redis.keyPrefix would hide entries': [
      ['a keyPrefix', { url: 'redis://user:s3cret@host', redis: { keyPrefix: 's3cret' } }],
    ],
    'redis.sentinels would replace the servers': [
      [
        'sentinels for a url',
        { url: 'redis://user:s3cret@host', redis: { sentinels: [{ host: 's3cret' }], name: 'a' } },
      ],
    ],
    'redis.path is the socket of one server': [
      ['a Unix socket beside a cluster', { cluster: ['redis://user:s3cret@host'], redis: { path: 's3cret' } }],
      [
        'a Unix socket beside sentinels',
        { sentinels: { name: 'a', urls: ['redis://user:s3cret@host'] }, redis: { path: 's3cret' } },
      ],
    ],
    'cluster must be a list of URLs': [['a cluster that is no list', { cluster: 'redis://user:s3cret@host' }]],
    'cluster names no server': [['a cluster without nodes', { cluster: [] }]],
    'cluster has URLs that name a database': [
      ['a cluster with a database', { cluster: ['redis://user:s3cret@host/1'] }],
      ['a cluster of which one node has a database', { cluster: ['redis://:s3cret@a', 'redis://:s3cret@b/1'] }],
    ],
    'cluster has URLs that differ': [
      ['a cluster whose nodes differ in password', { cluster: ['redis://:s3cret@a', 'redis://:s3cret2@b'] }],
      ['a cluster whose nodes differ in user', { cluster: ['redis://s3cret:p@a', 'redis://s3cret2:p@b'] }],
      ['a cluster whose nodes differ in protocol', { cluster: ['redis://:s3cret@a', 'rediss://:s3cret@b'] }],
    ],
    'sentinels has URLs that name a database': [
      ['sentinels with a database', { sentinels: { name: 's3cret', urls: ['redis://:s3cret@host/1'] } }],
    ],
    'sentinels.name is missing': [
      ['sentinels with an empty name', { sentinels: { name: '', urls: ['redis://:s3cret@host'] } }],
      ['sentinels without a name', { sentinels: { urls: ['redis://:s3cret@host'] } }],
    ],
    'sentinels must be a list of URLs': [['sentinels without urls', { sentinels: { name: 's3cret' } }]],
    'maxValueBytes must be a whole number': [
      ['a maxValueBytes of 0', { url: 'redis://127.0.0.1', maxValueBytes: 0 }],
      ['a maxValueBytes of null', { url: 'redis://127.0.0.1', maxValueBytes: null }],
      ['a maxValueBytes that is no whole number', { url: 'redis://127.0.0.1', maxValueBytes: 1.5 }],
    ],
    'timeoutMs must be a number': [
      ['a timeoutMs of 0', { url: 'redis://127.0.0.1', timeoutMs: 0 }],
      ['a timeoutMs of null', { url: 'redis://127.0.0.1', timeoutMs: null }],
    ],
    'namespace must be': [['a namespace with a colon', { url: 'redis://127.0.0.1', namespace: 'a:b' }]],
  };
  for (const [reason, all] of Object.entries(refused))
    it.each(all)('refuses %s at once, says why and quotes nothing of it', (_, options) => {
      const refusal = refusalOf(options);
      expect(refusal).toMatchObject({
        code: 'INVALID_OPTIONS',
        operation: 'create',
        backend: 'redis',
        message: expect.stringContaining(`[redis] create: ${reason}`),
      });
      expect(inspect(refusal)).not.toContain('s3cret');
    });

  it('says of a name of the primary that is missing no more than that', () => {
    const reason = 'sentinels.name is missing: the name that the sentinels have for the primary';
    expect(refusalOf({ sentinels: { urls: ['redis://a'] } })).toMatchObject({ message: `[redis] create: ${reason}` });
  });

  it('accepts database 0 in the URLs of a cluster', () => {
    expect(refusalOf({ cluster: ['redis://a/0', 'redis://b'] })).toBeUndefined();
  });

  it('makes a backend without I/O, timer or random number, and shows no password', () => {
    const spies = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(Math, 'random')];
    const backend = redisBackend(Object.freeze({ url: 'redis://user:s3cret@127.0.0.1:1' }));
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
    vi.restoreAllMocks();
    expect(inspect(backend, { depth: 9, showHidden: true }) + JSON.stringify(backend)).not.toContain('s3cret');
  });

  it('takes a password and a database that are not in the url, and no others, from the ioredis options', async () => {
    const server = await startRedis(['--requirepass', 's3cret']);
    const backend = redisBackend({
      url: `redis://127.0.0.1:${server.port}`,
      redis: { password: 's3cret', db: 1 },
      timeoutMs: 5000,
    });
    await backend.setValue('k', 1);
    const named = redisBackend({
      url: `redis://:s3cret@127.0.0.1:${server.port}/1`,
      redis: { host: 'none.invalid', port: 1, password: 'wr0ng', db: 2 },
      timeoutMs: 5000,
    });
    expect(await named.getValue('k')).toBe(1);
    await Promise.all([backend.close(), named.close()]);
    await server.stop();
  });

  it('connects to a Unix socket, with the password and the database of the url', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ninefold-'));
    const path = join(folder, 'socket');
    const server = await startRedis(['--unixsocket', path, '--requirepass', 's3cret']);
    // Nothing listens on the port of the URL.
    const backend = redisBackend({ url: 'redis://:s3cret@127.0.0.1:1/1', redis: { path }, timeoutMs: 5000 });
    await backend.setValue('k', 1);
    const other = redisBackend({ url: `redis://:s3cret@127.0.0.1:${server.port}/1`, timeoutMs: 5000 });
    expect(await other.getValue('k')).toBe(1);
    await Promise.all([backend.close(), other.close()]);
    await server.stop();
    await rm(folder, { recursive: true });
  });

  it('reads its options, also those of ioredis, when it is made', async () => {
    const server = await startRedis();
    const url = `redis://127.0.0.1:${server.port}`;
    const options = { url, redis: { db: 1 }, timeoutMs: 5000 };
    const backend = redisBackend(options);
    Object.assign(options.redis, { db: 2 });
    Object.assign(options, { url: `${url}/3`, redis: { db: 4 }, timeoutMs: 1 });
    await backend.setValue('k', 1);
    const first = redisBackend({ url: `${url}/1`, timeoutMs: 5000 });
    expect(await first.getValue('k')).toBe(1);
    await Promise.all([backend.close(), first.close()]);
    await server.stop();
    const tls = {};
    const secured = redisBackend({ url: `rediss://127.0.0.1:${server.port}`, redis: { tls }, timeoutMs: 5000 });
    Object.assign(tls, { minVersion: 'TLSv9' });
    expect((await failureOf(secured.getValue('k'))).message).toContain('cannot be reached (ECONNREFUSED)');
    await secured.close();
  });

  it('takes no larger text than maxValueBytes, and sends nothing of a batch with one', async () => {
    const { url, stop } = await startServer();
    const backend = redisBackend({ url, maxValueBytes: 1000 });
    expect(backend.capabilities.maxValueBytes).toBe(1000);
    await backend.setValue('k', 'x'.repeat(900));
    const large = 'é'.repeat(500);
    for (const call of [
      () => backend.setValue('k', large),
      () =>
        backend.multiSetValues([
          ['k', 1],
          ['l', large],
        ]),
    ])
      expect(await failureOf(call())).toMatchObject({ code: 'TOO_LARGE', maybeApplied: false });
    expect(await backend.multiGetValues(['k', 'l'])).toEqual(['x'.repeat(900), undefined]);
    await backend.close();
    await stop();
  });

  it('says of a server that is not there that nothing was applied, whatever ioredis is told to try again', async () => {
    const redis = { lazyConnect: false, retryStrategy: () => 60_000, maxRetriesPerRequest: null };
    const backend = redisBackend({ url: `redis://:s3cret@127.0.0.1:${await freePort()}`, redis, timeoutMs: 5000 });
    const failure = await failureOf(backend.setValue('k', 1));
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied: false });
    expect(failure.message).toBe('[redis] setValue "k": cannot be reached (ECONNREFUSED)');
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain('s3cret');
    await backend.close();
  });

  it.each([
    [{ url: 'redis://127.0.0.1' }, ['127.0.0.1 6379']],
    [{ cluster: ['redis://127.0.0.1'] }, ['127.0.0.1 6379']],
    [{ cluster: ['redis://127.0.0.1:1', 'redis://[::1]:2'] }, ['127.0.0.1 1', '::1 2']],
    [{ sentinels: { name: 'main', urls: ['redis://127.0.0.1'] } }, ['127.0.0.1 26379']],
  ])('given %j connects to %j', async (options, expected) => {
    const tried = new Set<string>();
    const onSocket = (message: unknown): void => {
      const { socket } = message as { readonly socket: Socket };
      socket.once('connectionAttempt', (address: string, port: number) => tried.add(`${address} ${port}`));
    };
    subscribe('net.client.socket', onSocket);
    const backend = redisBackend({ ...options, timeoutMs: 5000 });
    await Promise.allSettled([backend.getValue('k')]);
    await backend.close();
    unsubscribe('net.client.socket', onSocket);
    expect([...tried].sort()).toEqual(expected);
  });

  it('times out after a second by default', async () => {
    const server = createServer(() => undefined);
    const backend = redisBackend({ url: `redis://127.0.0.1:${await listen(server)}` });
    expect((await failureOf(backend.getValue('k'))).message).toContain('within 1000 ms');
    await backend.close();
    server.close();
  });
});

it('takes one way to the servers by its type, too', () => {
  const ways: readonly (() => unknown)[] = [
    // @ts-expect-error no way at all
    () => redisBackend({}),
    // @ts-expect-error two ways
    () => redisBackend({ url: 'redis://host', cluster: ['redis://host'] }),
    // @ts-expect-error options for a client that has its own
    () => redisBackend({ client: { call: async () => null }, redis: { db: 1 } }),
  ];
  for (const way of ways) expect(way).toThrow(/give|leave out/);
});
