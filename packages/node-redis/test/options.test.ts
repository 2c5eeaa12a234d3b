import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { listen } from '@ninefold/tooling/servers/listen';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { createClient as createClient6, createCluster, createClientPool as createPool6, createSentinel } from 'redis';
import {
  createClient as createClient5,
  createCluster as createCluster5,
  createClientPool as createPool5,
  createSentinel as createSentinel5,
} from 'redis-5';
import { describe, expect, it, vi } from 'vitest';
import { type NodeRedisBackendOptions, nodeRedisBackend } from '../src/node-redis.ts';

function refusalOf(options: unknown): unknown {
  try {
    nodeRedisBackend(options as NodeRedisBackendOptions);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('nodeRedisBackend', () => {
  const refused: [string, unknown][] = [
    ['no options', undefined],
    ['a url in place of the options', 'redis://user:s3cret@host'],
    ['url: undefined, as process.env gives it', { url: undefined }],
    ['an empty url', { url: '' }],
    ['what is no url', { url: 's3cret@host' }],
    ['an http url', { url: 'http://user:s3cret@host' }],
    ['a url without a host', { url: 'redis:///0' }],
    ['a client that is none', { client: {} }],
    ['client: null', { client: null }],
    ['a client of ioredis', { client: { call: () => undefined, sendCommand: (_command: unknown) => undefined } }],
    ['a url beside a client', { url: 'redis://user:s3cret@host', client: { sendCommand: () => undefined } }],
    ['further options beside a client', { client: { sendCommand: () => undefined }, redis: { password: 's3cret' } }],
    ['a Cluster', { client: createCluster({ rootNodes: [{ url: 'redis://user:s3cret@host' }] }) }],
    ['a Sentinel', { client: createSentinel({ name: 's3cret', sentinelRootNodes: [{ host: 'host', port: 1 }] }) }],
    ['a url with a path that names no database', { url: 'redis://user:s3cret@host/s3cret' }],
    ['a url with a number that no database has', { url: 'redis://user:s3cret@host/99999999999999999999' }],
    ['a database that is NaN', { url: 'redis://user:s3cret@host', redis: { database: Number.NaN } }],
    ['a database that is no whole number', { url: 'redis://user:s3cret@host', redis: { database: 1.5 } }],
    [
      'credentials in the url beside a provider of them',
      {
        url: 'redis://user:s3cret@host',
        redis: { credentialsProvider: { type: 'async-credentials-provider', credentials: async () => ({}) } },
      },
    ],
    ['client-side caching', { url: 'redis://user:s3cret@host', redis: { clientSideCache: { ttl: 1 } } }],
    ['events of invalidations', { url: 'redis://user:s3cret@host', redis: { RESP: 3, emitInvalidate: true } }],
    ['notices of maintenance', { url: 'redis://user:s3cret@host', redis: { maintNotifications: 'auto' } }],
    ['a keyPrefix', { url: 'redis://user:s3cret@host', redis: { keyPrefix: 's3cret' } }],
    ['a password that is not percent-encoded', { url: 'redis://user:s3cret%zz@host' }],
    ['a password whose end looks like parameters', { url: 'redis://user:12?s3cret@host' }],
    ['a password whose end looks like a fragment', { url: 'redis://user:12#s3cret@host' }],
    ['TLS for a redis:// url', { url: 'redis://user:s3cret@host', redis: { socket: { tls: true } } }],
    ['no TLS for a rediss:// url', { url: 'rediss://user:s3cret@host', redis: { socket: { tls: false } } }],
    ['a server name that is no text', { url: 'rediss://user:s3cret@host', redis: { socket: { servername: 5 } } }],
    ['further options that are none', { url: 'redis://user:s3cret@host', redis: null }],
    ['further options that are a text', { url: 'redis://user:s3cret@host', redis: 's3cret' }],
    ['a timeoutMs of 0', { url: 'redis://127.0.0.1', timeoutMs: 0 }],
    ['a timeoutMs of null', { url: 'redis://127.0.0.1', timeoutMs: null }],
    ['a namespace with a colon', { url: 'redis://127.0.0.1', namespace: 'a:b' }],
    ['a maxValueBytes of 0', { url: 'redis://127.0.0.1', maxValueBytes: 0 }],
    ['a maxValueBytes of null', { url: 'redis://127.0.0.1', maxValueBytes: null }],
    ['a maxValueBytes that is no whole number', { url: 'redis://127.0.0.1', maxValueBytes: 1.5 }],
  ];
  for (const [what, options] of refused) {
    it(`refuses ${what} at once and quotes nothing of it`, () => {
      const refusal = refusalOf(options);
      expect(refusal).toMatchObject({ code: 'INVALID_OPTIONS', operation: 'create', backend: 'node-redis' });
      expect(inspect(refusal)).not.toContain('s3cret');
    });
  }

  it.each([{ url: undefined }, 'redis://user:s3cret@host'])('asks for `url` if no server is named', (options) => {
    expect(refusalOf(options)).toMatchObject({ message: expect.stringContaining('url is missing: give { url') });
  });

  it('makes a backend without I/O, timer or random number, and shows no password', () => {
    const spies = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(Math, 'random')];
    const backend = nodeRedisBackend(Object.freeze({ url: 'redis://user:s3cret@127.0.0.1:1' }));
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
    vi.restoreAllMocks();
    expect(inspect(backend, { depth: 9, showHidden: true }) + JSON.stringify(backend)).not.toContain('s3cret');
  });

  it('reads its options, also those of the client, when it is made', async () => {
    const server = await startRedis();
    const url = `redis://127.0.0.1:${server.port}`;
    const options = { url, redis: { database: 1, socket: { noDelay: true } }, timeoutMs: 5000 };
    const backend = nodeRedisBackend(options);
    Object.assign(options.redis.socket, { servername: 5, tls: true });
    Object.assign(options.redis, { database: 2 });
    Object.assign(options, { url: `${url}/3`, redis: { database: 4 }, timeoutMs: 1 });
    await backend.setValue('k', 1);
    const first = nodeRedisBackend({ url, redis: { database: 1 }, timeoutMs: 5000 });
    expect(await first.getValue('k')).toBe(1);
    await Promise.all([backend.close(), first.close()]);
    await server.stop();
  });

  it('connects to a Unix socket, with the password and the database of the url', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ninefold-'));
    const path = join(folder, 'socket');
    const server = await startRedis(['--unixsocket', path, '--requirepass', 's3cret']);
    // Nothing listens on the port of the URL.
    const backend = nodeRedisBackend({
      url: 'redis://:s3cret@127.0.0.1:1/1',
      redis: { socket: { path, tls: false } },
      timeoutMs: 5000,
    });
    await backend.setValue('k', 1);
    const other = nodeRedisBackend({ url: `redis://:s3cret@127.0.0.1:${server.port}/1`, timeoutMs: 5000 });
    expect(await other.getValue('k')).toBe(1);
    await Promise.all([backend.close(), other.close()]);
    await server.stop();
    await rm(folder, { recursive: true });
  });

  it('says of a server that is not there that nothing was applied', async () => {
    const backend = nodeRedisBackend({ url: 'redis://:s3cret@127.0.0.1:1', timeoutMs: 5000 });
    const failure = await failureOf(backend.setValue('k', 1));
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied: false });
    expect(failure.message).toBe('[node-redis] setValue "k": cannot be reached (ECONNREFUSED)');
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain('s3cret');
    await backend.close();
  });

  it('rejects AUTH for a wrong password, and only rejects writes on a server that is out of memory', async () => {
    const server = await startRedis([
      '--requirepass',
      'right',
      '--maxmemory',
      '3mb',
      '--maxmemory-policy',
      'noeviction',
    ]);
    const wrong = nodeRedisBackend({ url: `redis://:s3cret@127.0.0.1:${server.port}`, timeoutMs: 1000 });
    const denied = await failureOf(wrong.getValue('k'));
    expect(denied).toMatchObject({ code: 'AUTH', retryable: false });
    expect(inspect(denied, { depth: 9, showHidden: true })).not.toContain('s3cret');
    const backend = nodeRedisBackend({ url: `redis://:right@127.0.0.1:${server.port}`, timeoutMs: 5000 });
    await backend.setValue('k', 'v');
    const full = async (): Promise<void> => {
      for (let part = 0; part < 100; part++) await backend.setValue(`large ${part}`, 's3cretValue'.repeat(10_000));
    };
    const refusal = await failureOf(full());
    expect(refusal).toMatchObject({ code: 'BACKEND', maybeApplied: false, cause: { code: 'OOM' } });
    expect(inspect(refusal, { depth: 9, showHidden: true })).not.toContain('s3cretValue');
    expect(await backend.getValue('k')).toBe('v');
    expect(await backend.delete('k')).toBe(1);
    await Promise.all([wrong.close(), backend.close()]);
    await server.stop();
  });

  it('says that the server has no password, or no such database', async () => {
    const server = await startRedis();
    const url = `redis://127.0.0.1:${server.port}`;
    const credentials = async () => ({ password: 's3cret' });
    const credentialsProvider = { type: 'async-credentials-provider' as const, credentials };
    for (const [options, code, reason] of [
      [{ url, redis: { credentialsProvider } }, 'AUTH', 'the server has no password: leave it out'],
      [{ url: `${url}/99` }, 'BACKEND', 'the server has no such database'],
    ] as const) {
      const backend = nodeRedisBackend({ ...options, timeoutMs: 5000 });
      const failure = await failureOf(backend.getValue('k'));
      expect([failure.code, failure.message]).toEqual([code, `[node-redis] getValue "k": ${reason}`]);
      expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain('s3cret');
      await backend.close();
    }
    await server.stop();
  });

  it.each([':s3cret', 'default:s3cret', ':p%40ss%2Fword'])(
    'may give the login %s to a server that requires none',
    async (login) => {
      const server = await startRedis();
      const backend = nodeRedisBackend({ url: `redis://${login}@127.0.0.1:${server.port}/1`, timeoutMs: 5000 });
      expect(await backend.incr('n')).toBe(1);
      expect(await ask(server, 'DBSIZE')).toBe('0');
      await backend.close();
      await server.stop();
    },
  );

  it('sends a password that contains characters of a URL', async () => {
    const server = await startRedis(['--requirepass', 'p@ss/w:rd%']);
    const url = `redis://:${encodeURIComponent('p@ss/w:rd%')}@127.0.0.1:${server.port}`;
    const backend = nodeRedisBackend({ url, timeoutMs: 5000 });
    expect(await backend.incr('n')).toBe(1);
    await backend.close();
    await server.stop();
  });

  it('takes no larger text than maxValueBytes, and sends nothing of a batch with one', async () => {
    const server = await startRedis();
    const backend = nodeRedisBackend({ url: `redis://127.0.0.1:${server.port}`, maxValueBytes: 1000 });
    expect(backend.capabilities.maxValueBytes).toBe(1000);
    await backend.setValue('k', 'x'.repeat(900));
    const large = 'é'.repeat(500);
    const pairs: [string, unknown][] = [
      ['k', 1],
      ['l', large],
    ];
    for (const call of [() => backend.setValue('k', large), () => backend.multiSetValues(pairs)])
      expect(await failureOf(call())).toMatchObject({ code: 'TOO_LARGE', maybeApplied: false });
    expect(await backend.multiGetValues(['k', 'l'])).toEqual(['x'.repeat(900), undefined]);
    await backend.close();
    await server.stop();
  });

  it('sends a batch of more than 5,000 keys as several commands, so that the server serves others between them', async () => {
    const server = await startRedis();
    const backend = nodeRedisBackend({ url: `redis://127.0.0.1:${server.port}`, timeoutMs: 20_000 });
    const pairs = Array.from({ length: 10_001 }, (_, index) => [`k${index}`, index] as const);
    const keys = pairs.map(([key]) => key);
    await backend.multiSetValues(pairs);
    // The last command has one key.
    expect(await backend.multiGetValues(keys)).toEqual(pairs.map(([, value]) => value));
    expect(await backend.deleteMany(keys)).toBe(10_001);
    await backend.multiSetValues(pairs, { ttl: 60 });
    const stats = await ask(server, 'INFO', 'commandstats');
    for (const calls of ['mset:calls=2', 'mget:calls=3', 'unlink:calls=3', 'eval:calls=2'])
      expect(stats).toContain(`cmdstat_${calls},`);
    await backend.close();
    await server.stop();
  });

  it('takes the longest timeoutMs, without a warning of Node that a timer is too long', async () => {
    const server = await startRedis();
    const warnings: unknown[] = [];
    const record = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', record);
    const backend = nodeRedisBackend({ url: `redis://127.0.0.1:${server.port}`, timeoutMs: 2 ** 31 - 1 });
    expect(await backend.incr('n')).toBe(1);
    await backend.close();
    process.off('warning', record);
    expect(warnings).toEqual([]);
    await server.stop();
  });

  it('times out after a second by default', async () => {
    const server = createServer(() => undefined);
    const backend = nodeRedisBackend({ url: `redis://127.0.0.1:${await listen(server)}` });
    expect((await failureOf(backend.getValue('k'))).message).toContain('within 1000 ms');
    await backend.close();
    server.close();
  });
});

it('takes a url or a client by its type, too', () => {
  const ways: readonly (() => unknown)[] = [
    // @ts-expect-error neither
    () => nodeRedisBackend({}),
    // @ts-expect-error both
    () => nodeRedisBackend({ url: 'redis://host', client: { sendCommand: async () => null } }),
  ];
  for (const way of ways) expect(way).toThrow(/give/);
});

it('takes clients and pools of redis 5 and 6 by their types, but none for several servers', () => {
  const [rootNodes, sentinelRootNodes] = [[{ url: 'redis://host' }], [{ host: 'host', port: 1 }]];
  const taken: readonly (() => unknown)[] = [
    () => nodeRedisBackend({ client: createClient5() }),
    () => nodeRedisBackend({ client: createPool5() }),
    () => nodeRedisBackend({ client: createClient6() }),
    () => nodeRedisBackend({ client: createClient6({ RESP: 2 }) }),
    () => nodeRedisBackend({ client: createPool6() }),
    () => nodeRedisBackend({ client: createPool6({ RESP: 2 }) }),
    () => nodeRedisBackend({ client: createClient6().createPool({ maximum: 2 }) }),
  ];
  for (const way of taken) expect(way).not.toThrow();
  const refused: readonly (() => unknown)[] = [
    // @ts-expect-error a Cluster
    () => nodeRedisBackend({ client: createCluster5({ rootNodes }) }),
    // @ts-expect-error a Cluster
    () => nodeRedisBackend({ client: createCluster({ rootNodes }) }),
    // @ts-expect-error a Sentinel
    () => nodeRedisBackend({ client: createSentinel5({ name: 'name', sentinelRootNodes }) }),
    // @ts-expect-error a Sentinel
    () => nodeRedisBackend({ client: createSentinel({ name: 'name', sentinelRootNodes }) }),
  ];
  for (const way of refused) expect(way).toThrow('one server');
});
