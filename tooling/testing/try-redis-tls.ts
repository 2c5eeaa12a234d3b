import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { CacheBackend, RemoteOptions } from '@ninefold/core';
import { afterEach, describe, expect, it } from 'vitest';
import { FaultProxy } from '../fault-proxy/fault-proxy.ts';
import { certificate } from '../servers/certificate.ts';
import { listen } from '../servers/listen.ts';
import { startMemcached } from '../servers/memcached.ts';
import type { ServerProcess } from '../servers/process.ts';
import { startRedis } from '../servers/redis.ts';
import { tlsProxy } from '../servers/tls-proxy.ts';
import { until } from '../servers/until.ts';
import { failureOf } from './failure-of.ts';
import { staysQuiet } from './stays-quiet.ts';

export interface TlsOptions extends RemoteOptions {
  readonly url: string;
  /** For a `rediss://` URL. */
  readonly tls: ConnectionOptions | undefined;
}

/** Milliseconds. The last tenth must suffice to report an unreachable server, even on a busy machine. */
const TIMEOUT_MS = 6000;
const PASSWORD = 's3cretPassword';
const VALUE = 's3cretValue';

/** A server that answers a plain connection by a fatal TLS alert, unexpected_message, as some that require TLS do. */
export async function alertingServer(): Promise<Server> {
  const alert = Buffer.from([21, 3, 3, 0, 2, 2, 10]);
  const server = createServer((client) => client.once('data', () => client.end(alert)));
  await listen(server);
  return server;
}

/** Defines the tests of a Redis adapter's errors when a server is not Redis, or client and server do not agree on TLS. */
export function tryRedisTls(create: (options: TlsOptions) => CacheBackend): void {
  const servers: ServerProcess[] = [];
  const proxies: Server[] = [];

  staysQuiet();

  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
    for (const proxy of proxies.splice(0)) proxy.close();
  });

  async function serve({ tls = true, args = [] }: { tls?: boolean; args?: string[] } = {}): Promise<number> {
    const server = await startRedis(args, { tls });
    servers.push(server);
    return server.port;
  }

  async function serveBehindProxy(): Promise<{ port: number; names: readonly unknown[] }> {
    const { proxy, port, names } = await tlsProxy(await serve({ tls: false }));
    proxies.push(proxy);
    return { port, names };
  }

  /** The distinct failures of a write and a read, as `code: reason`. */
  async function attempt(url: string, tls?: ConnectionOptions): Promise<string[]> {
    const backend = create({ url, tls, timeoutMs: TIMEOUT_MS });
    const failed = new Set<string>();
    const failures = [backend.setValue('k', VALUE), backend.getValue('k')].map((call) =>
      failureOf(call, [PASSWORD, VALUE]),
    );
    for (const { code, message } of await Promise.all(failures)) failed.add(message.replace(/.*": /, `${code}: `));
    await backend.close();
    return [...failed];
  }

  describe('a URL of a server that is not Redis', () => {
    const failure = ['BACKEND: the server does not speak the Redis protocol'];

    it.each([
      ['sends a greeting', `:${PASSWORD}@`],
      ['sends no greeting', ''],
    ])('fails with that reason if the client %s', async (_, login) => {
      const memcached = await startMemcached();
      servers.push(memcached);
      expect(await attempt(`redis://${login}127.0.0.1:${memcached.port}`)).toEqual(failure);
      const http = createHttpServer((_request, response) => response.end());
      proxies.push(http);
      expect(await attempt(`redis://${login}127.0.0.1:${await listen(http)}`)).toEqual(failure);
    });
  });

  describe('a rediss:// URL', () => {
    it('names its host to the server, unless that is an address, or another name is given', async () => {
      const { port, names } = await serveBehindProxy();
      const { ca } = await certificate();
      for (const [host, tls] of [
        ['localhost', { ca }],
        ['localhost', { ca, servername: undefined }],
        ['127.0.0.1', { ca, servername: 'localhost' }],
        ['127.0.0.1', { ca }],
      ] as const) {
        const backend = create({ url: `rediss://${host}:${port}`, tls, timeoutMs: TIMEOUT_MS });
        await backend.setValue('k', VALUE);
        await backend.close();
      }
      expect(names).toEqual(['localhost', 'localhost', 'localhost', false]);
    });

    it('of a distant server, with which the TLS handshake takes longer than a call may, is used', async () => {
      const proxy = await FaultProxy.start({ host: '127.0.0.1', port: await serve() });
      await proxy.set({ kind: 'delay', delayMs: 120 });
      const { ca } = await certificate();
      // Before version 1.3 the handshake takes two round trips.
      const tls = { ca, maxVersion: 'TLSv1.2' } as const;
      const backend = create({ url: `rediss://localhost:${proxy.port}`, tls, timeoutMs: 220 });
      await until('a call is answered', () =>
        backend.exists('k').then(
          () => true,
          () => false,
        ),
      );
      await backend.close();
      await proxy.stop();
    });

    it('of a server that waits for a command without TLS fails with the hint that it may speak none', async () => {
      const port = await serve({ tls: false });
      expect(await attempt(`rediss://:${PASSWORD}@127.0.0.1:${port}`)).toEqual([
        'UNAVAILABLE: cannot be reached (ETIMEDOUT); the server may not speak TLS',
      ]);
    });

    it('of a server that speaks first, without TLS, fails with the hint that it may speak none', async () => {
      const port = await serve({ tls: false, args: ['--maxclients', '1'] });
      const only = connect(port, '127.0.0.1');
      await once(only, 'connect');
      // The server's refusal of one connection too many, in plain text.
      expect(await attempt(`rediss://:${PASSWORD}@localhost:${port}`)).toEqual([
        'UNAVAILABLE: cannot be reached (ERR_SSL_WRONG_VERSION_NUMBER); the server may not speak TLS',
      ]);
      only.destroy();
    });

    it('of a server that is down fails without mention of TLS', async () => {
      expect(await attempt(`rediss://:${PASSWORD}@localhost:1`)).toEqual([
        'UNAVAILABLE: cannot be reached (ECONNREFUSED)',
      ]);
    });

    it('of a server with an untrusted certificate fails with the reason', async () => {
      const [{ ca }, old] = await Promise.all([certificate(), certificate({ expired: true })]);
      const url = `rediss://:${PASSWORD}@localhost:${await serve()}`;
      const args = ['--tls-cert-file', old.file, '--tls-key-file', old.keyFile];
      const oldUrl = `rediss://:${PASSWORD}@localhost:${await serve({ args })}`;
      expect(await attempt(url, { ca: old.ca })).toEqual([
        'UNAVAILABLE: cannot be reached (DEPTH_ZERO_SELF_SIGNED_CERT)',
      ]);
      expect(await attempt(url, { ca, servername: 'other.example' })).toEqual([
        'UNAVAILABLE: cannot be reached (ERR_TLS_CERT_ALTNAME_INVALID)',
      ]);
      expect(await attempt(oldUrl, { ca: old.ca })).toEqual(['UNAVAILABLE: cannot be reached (CERT_HAS_EXPIRED)']);
    });

    it.each([
      ['sends a greeting', `:${PASSWORD}@`, 'cannot be reached'],
      // The refusal arrives after the TLS handshake.
      ['sends no greeting', '', 'the connection was lost'],
    ])(
      'of a server that requires a client certificate fails with that reason if the client %s',
      async (_, login, reason) => {
        const port = await serve({ args: ['--tls-auth-clients', 'yes'] });
        const { ca } = await certificate();
        // The server also resets the connection, and the client may see that first.
        await expect
          .poll(() => attempt(`rediss://${login}localhost:${port}`, { ca }))
          .toContain(`UNAVAILABLE: ${reason} (ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED)`);
      },
    );
  });

  describe('a redis:// URL', () => {
    it.each([
      ['the server', false, ' (ECONNRESET)'],
      ['a proxy in front of the server', true, ''],
    ])('of %s that requires TLS fails with the hint that it may', async (_, proxied, code) => {
      const port = proxied ? (await serveBehindProxy()).port : await serve();
      const hint = '; the server may require TLS';
      expect(await attempt(`redis://localhost:${port}`)).toEqual([
        `UNAVAILABLE: the connection was lost${code}${hint}`,
      ]);
      const [greeted, ...others] = await attempt(`redis://:${PASSWORD}@localhost:${port}`);
      expect(greeted).toMatch(
        /^UNAVAILABLE: (cannot be reached \(ECONNRESET\)|the connection .*); the server may require TLS$/,
      );
      expect(others).toEqual([]);
    });

    it.each([
      ['sends a greeting', `:${PASSWORD}@`],
      ['sends no greeting', ''],
    ])('of a server that answers by a TLS alert fails with that hint if the client %s', async (_, login) => {
      const server = await alertingServer();
      proxies.push(server);
      for (const failure of await attempt(`redis://${login}127.0.0.1:${(server.address() as AddressInfo).port}`))
        expect(failure).toMatch(
          /^UNAVAILABLE: (the connection .*|there is no connection); the server may require TLS$/,
        );
    });

    it('of a server that dies during a command after a reply fails without mention of TLS', async () => {
      const port = await serve({ tls: false });
      const [server] = servers as [ServerProcess];
      const backend = create({ url: `redis://localhost:${port}`, tls: undefined, timeoutMs: TIMEOUT_MS });
      await backend.getValue('k');
      await server.pause();
      const failure = failureOf(backend.setValue('k', VALUE));
      await server.kill();
      expect((await failure).message).toMatch(/: the connection was lost( \(ECONNRESET\))?$/);
      await backend.close();
    });

    it.each([
      ['a password', `:${PASSWORD}@`, ''],
      ['a database', '', '/1'],
    ])(
      'of a server that dies during the first commands after a greeting with %s fails without mention of TLS',
      async (_, login, path) => {
        const port = await serve({ tls: false, args: login === '' ? [] : ['--requirepass', PASSWORD] });
        const proxy = createServer((client) => {
          const upstream = connect(port, '127.0.0.1');
          upstream.pipe(client);
          client.on('data', (bytes) => (bytes.includes(VALUE) ? client.destroy() : upstream.write(bytes)));
          client.on('close', () => upstream.destroy());
        });
        proxies.push(proxy);
        const url = `redis://${login}127.0.0.1:${await listen(proxy)}${path}`;
        const backend = create({ url, tls: undefined, timeoutMs: TIMEOUT_MS });
        const failures = ['k', 'l'].map((key) => failureOf(backend.setValue(key, VALUE)));
        for (const { message } of await Promise.all(failures))
          expect(message).toMatch(/: the connection was lost( \(ECONNRESET\))?$/);
        await backend.close();
      },
    );
  });
}
