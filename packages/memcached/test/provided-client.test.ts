import { setTimeout as sleep } from 'node:timers/promises';
import { describeCacheBackend } from '@ninefold/core/conformance';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { until } from '@ninefold/tooling/servers/until';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { RewritingProxy } from '@ninefold/tooling/testing/rewriting-proxy';
import { Client } from 'memjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { memcachedBackend, memcachedCapabilities } from '../src/memcached.ts';
import { startLab } from './support/lab.ts';

let servers: readonly ServerProcess[];
const clients: Client[] = [];

beforeAll(async () => {
  servers = await Promise.all([startMemcached(), startMemcached()]);
});

afterAll(async () => {
  for (const client of clients) client.close();
  await Promise.all(servers.map((server) => server.stop()));
});

/** Seconds. The default is half a second, which a busy machine may exceed. */
const TIMEOUT = { timeout: 10 };

/** A memjs client with memjs's own transport and routing. */
function stockClient(): Client {
  const client = Client.create(servers.map(({ host, port }) => `${host}:${port}`).join(), { ...TIMEOUT });
  clients.push(client);
  return client;
}

describeCacheBackend('memcached on a stock client', {
  describe,
  it,
  create: (options) => memcachedBackend({ client: stockClient(), timeoutMs: 10_000, ...options }),
  capabilities: memcachedCapabilities,
});

describe('a provided client', () => {
  it('goes on working after the backend is closed, and shares its entries with it', async () => {
    const client = stockClient();
    const backend = memcachedBackend({ client, namespace: 'mine', timeoutMs: 10_000 });
    await backend.setValue('k', 'v');
    await backend.close();
    expect(String((await client.get('mine:k')).value)).toBe('{"json":"v"}');
  });

  it('serves its backend past 2^31 and 2^32 calls', async () => {
    const client = stockClient();
    const backend = memcachedBackend({ client, namespace: 'past', timeoutMs: 10_000 });
    for (const start of [2 ** 31 - 2, -2]) {
      Object.assign(client, { seq: start });
      expect(await backend.multiGetValues(['a', 'b', 'c', 'd', 'e', 'f'])).toEqual(Array(6).fill(undefined));
      await backend.setValue('a', start);
      expect(await backend.getValue('a')).toBe(start);
      await backend.delete('a');
    }
    await backend.close();
  });

  it('serves many backends without a warning', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    const client = stockClient();
    for (let index = 0; index < 20; index++) {
      const backend = memcachedBackend({ client, namespace: `tenant${index}`, timeoutMs: 10_000 });
      await backend.multiGetValues(['a', 'b', 'c', 'd']);
      await backend.close();
    }
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });

  it('sends a batch in one write', async () => {
    const proxy = await FaultProxy.start(servers[0] as ServerProcess);
    const client = Client.create(`127.0.0.1:${proxy.port}`);
    const backend = memcachedBackend({ client, namespace: 'costs', timeoutMs: 10_000 });
    const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
    await backend.setValue('k', 1);
    for (const batch of [
      () => backend.multiSetValues(keys.map((key) => [key, key] as const)),
      () => backend.multiGetValues(keys),
      () => backend.deleteMany(keys),
    ]) {
      Object.assign(proxy.counts, { segments: 0, rounds: 0 });
      await batch();
      expect(proxy.counts).toEqual({ segments: 1, rounds: 1 });
    }
    client.close();
    await proxy.stop();
  });

  it('takes a batch of several parts', async () => {
    const backend = memcachedBackend({ client: stockClient(), namespace: 'parts', timeoutMs: 20_000 });
    const keys = Array.from({ length: 50_000 }, (_, index) => `k${index}`);
    await backend.multiSetValues(keys.map((key, index) => [key, index] as const));
    const values = await backend.multiGetValues(keys);
    expect(values.findIndex((value, index) => value !== index)).toBe(-1);
    expect(await backend.deleteMany(keys)).toBe(keys.length);
    await backend.close();
  });

  it('keeps no callback of a finished batch', async () => {
    const client = stockClient();
    const backend = memcachedBackend({ client, namespace: 'tidy', timeoutMs: 10_000 });
    const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
    await backend.multiSetValues(keys.map((key) => [key, key] as const));
    await backend.multiGetValues([...keys, 'none']);
    await backend.deleteMany(keys.slice(50));
    for (const server of client.servers) {
      expect(Object.keys(server.responseCallbacks)).toEqual([]);
      expect(Object.keys(server.errorCallbacks)).toEqual([]);
      expect(server.requestTimeouts).toEqual([]);
    }
    await backend.close();
  });

  it('still gives up waiting for a call of its own that was made beside a batch', async () => {
    const proxy = await RewritingProxy.start(servers[0] as ServerProcess);
    const words = { log: () => undefined };
    const client = Client.create(`127.0.0.1:${proxy.port}`, { timeout: 2, retries: 1, logger: words });
    const backend = memcachedBackend({ client, namespace: 'beside', timeoutMs: 10_000 });
    const pairs = [
      ['a', 1],
      ['b', 2],
    ] as const;
    await until('they are stored', () =>
      backend.multiSetValues(pairs).then(
        () => true,
        () => false,
      ),
    );
    // Without the response to the call, which is a header and these words.
    proxy.rewrite = (reply) => (reply.endsWith('Not found') ? reply.slice(0, -24 - 'Not found'.length) : reply);
    const batch = backend.multiGetValues(['a', 'b']);
    const call = client.get('none');
    expect(await batch).toEqual([1, 2]);
    await expect(Promise.race([call, sleep(20_000)])).rejects.toThrow('timed out');
    client.close();
    await backend.close();
    await proxy.stop();
  });

  it('with failover, does not send our increment to another server when one is down', async () => {
    const addresses = servers.map(({ host, port }) => `${host}:${port}`);
    const words = { log: () => undefined };
    const client = Client.create(addresses.join(), { ...TIMEOUT, failover: true, retries: 1, logger: words });
    const backend = memcachedBackend({ client, timeoutMs: 10_000 });
    const [first, second] = servers as [ServerProcess, ServerProcess];
    const key = Array.from({ length: 100 }, (_, index) => `count${index}`).find(
      (name) => Number(client.server(name)?.port) === first.port,
    ) as string;
    const other = memcachedBackend({ servers: `${second.host}:${second.port}`, timeoutMs: 10_000 });
    await first.kill();
    expect(await failureOf(backend.incr(key))).toMatchObject({ code: 'UNAVAILABLE', key });
    expect(await other.exists(key)).toBe(false);
    await client.increment(key, 1, {});
    expect(await other.exists(key)).toBe(true);
    await first.restart();
    client.close();
    await Promise.all([backend.close(), other.close()]);
  });

  it('that gives up waiting before its backend rejects TIMEOUT', async () => {
    const server = await startMemcached();
    const words = { log: () => undefined };
    const client = Client.create(`${server.host}:${server.port}`, { timeout: 0.3, logger: words });
    const backend = memcachedBackend({ client, timeoutMs: 20_000 });
    await expect.poll(() => backend.incr('n').catch(() => undefined)).toBeGreaterThan(0);
    await server.pause();
    expect(await failureOf(backend.incr('n'))).toMatchObject({ code: 'TIMEOUT', retryable: true, maybeApplied: true });
    client.close();
    await backend.close();
    await server.stop();
  });

  it('whose login is refused rejects AUTH, and not as maybe applied', async () => {
    const proxy = await RewritingProxy.start(servers[0] as ServerProcess);
    // The status, in the bytes 6 and 7, of a server that requires a login.
    proxy.rewrite = (reply) => `${reply.slice(0, 6)}\0\x20${reply.slice(8)}`;
    const client = Client.create(`127.0.0.1:${proxy.port}`, { ...TIMEOUT, logger: { log: () => undefined } });
    const backend = memcachedBackend({ client, timeoutMs: 10_000 });
    expect(await failureOf(backend.incr('n'))).toMatchObject({ code: 'AUTH', retryable: false, maybeApplied: false });
    await backend.close();
    client.close();
    await proxy.stop();
  });

  const refuse = (reply: string): string => `${reply.slice(0, 6)}\0\x20${reply.slice(8)}`;
  const login = { username: 'u', password: 'p', conntimeout: 1 };

  it.each([
    ['whose login is refused', login, 'AUTH'],
    ['whose login is not answered in time', login, 'UNAVAILABLE'],
    ['whose next connection is refused for want of a login', {}, 'AUTH'],
  ] as const)(
    '%s reports a write that it may send later, or has sent before, as maybe applied',
    async (_, given, code) => {
      const { lab, proxy, stop } = await startLab();
      const rewriting = await RewritingProxy.start({ host: '127.0.0.1', port: proxy.port });
      const options = { ...TIMEOUT, ...given, logger: { log: () => undefined } };
      const client = Client.create(`127.0.0.1:${rewriting.port}`, options);
      const backend = memcachedBackend({ client, timeoutMs: 10_000 });
      const direct = lab.direct({ timeoutMs: 10_000 });
      const works = (): Promise<boolean> => backend.exists('k').catch(() => false);
      await direct.setValue('k', 'old');
      await until('it is connected', works);
      await lab.set({ kind: 'cut', on: 'reply', by: 'fin' });
      const before = failureOf(backend.setValue('k', 'before'));
      await until('the connection is lost', async () => client.server('k')?.connected === false);
      if (code === 'AUTH') rewriting.rewrite = refuse;
      else await lab.set({ kind: 'silence' });
      const after = await failureOf(backend.incr('n'));
      expect(await before).toMatchObject({ code, maybeApplied: true });
      expect(await direct.getValue('k')).toBe('before');
      rewriting.heal();
      await lab.set(undefined);
      await until('it works again', works);
      const isSentLater = 'username' in given;
      expect(after).toMatchObject({ code, maybeApplied: isSentLater });
      if (isSentLater) expect(await direct.getValue('n')).toBe(1);
      client.close();
      await Promise.all([backend.close(), direct.close()]);
      await rewriting.stop();
      await stop();
    },
  );

  it('that reports an error shows only its code, and that only if it looks like one', async () => {
    const client = stockClient();
    const backend = memcachedBackend({ client, timeoutMs: 10_000 });
    for (const [code, shown] of [
      ['ERR_SSL_TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE', 'ERR_SSL_TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE'],
      ['s3cret', undefined],
      ['s3cret EPIPE', undefined],
      ['EPIPE s3cret', undefined],
      [undefined, undefined],
    ] as const) {
      const lost = failureOf(backend.incr('n'), ['s3cret']);
      client.server('n')?.error(Object.assign(new Error('s3cret'), { code }));
      const failure = await lost;
      expect(failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: true });
      expect(failure.cause).toEqual(shown && expect.objectContaining({ code: shown }));
      expect(failure.message).toBe(
        `[memcached] incr "n": the connection was lost${shown === undefined ? '' : ` (${shown})`}`,
      );
    }
    await backend.close();
  });

  it('that has marked all its servers as failed makes calls UNAVAILABLE', async () => {
    const words = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    const client = Client.create('127.0.0.1:1', { failover: true, retries: 1 });
    const backend = memcachedBackend({ client, timeoutMs: 10_000 });
    expect(await failureOf(backend.getValue('k'))).toMatchObject({ code: 'UNAVAILABLE', key: 'k' });
    // The client marks a server when its own calls fail.
    await client.get('k').catch(() => undefined);
    const failure = await failureOf(backend.setValue('k', 1));
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: false });
    expect(failure.message).toContain('considers all its servers failed');
    const pairs = [
      ['a key', 1],
      ['b', 2],
    ] as const;
    const keys = pairs.map(([key]) => key);
    const batches = [backend.multiGetValues(keys), backend.multiSetValues(pairs), backend.deleteMany(keys)];
    for (const failed of await Promise.all(batches.map((batch) => failureOf(batch))))
      expect(failed).toMatchObject({ code: 'UNAVAILABLE', key: 'a key', maybeApplied: false });
    words.mockRestore();
  });
});
