import type { CacheBackend } from '@ninefold/core';
import { describeCacheBackend } from '@ninefold/core/conformance';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { until } from '@ninefold/tooling/servers/until';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { Client } from 'memjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { managedClient } from '../src/managed-client.ts';
import { memcachedBackend, memcachedCapabilities } from '../src/memcached.ts';

let servers: readonly ServerProcess[];
let addresses: readonly string[];

beforeAll(async () => {
  servers = await Promise.all([startMemcached(), startMemcached(), startMemcached()]);
  addresses = servers.map(({ host, port }) => `${host}:${port}`);
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});

describeCacheBackend('memcached on three servers', {
  describe,
  it,
  create: (options) => memcachedBackend({ servers: addresses, timeoutMs: 10_000, ...options }),
  capabilities: memcachedCapabilities,
});

const keys = Array.from({ length: 3000 }, (_, index) => `user:${index}`);

function configs(count: number) {
  const login = undefined;
  return Array.from({ length: count }, (_, at) => ({
    host: `10.0.0.${at}`,
    port: 1,
    tls: undefined,
    login,
    timeoutMs: 1,
  }));
}

describe('several servers', () => {
  it('share the keys, and a fourth takes about a quarter of them and moves no other', () => {
    const [three, four] = [managedClient(configs(3)), managedClient(configs(4))];
    const counts = three.servers.map((server) => keys.filter((key) => three.client.server(key) === server).length);
    for (const count of counts) expect(count / keys.length).toBeGreaterThan(0.25);
    const moved = keys.filter((key) => three.client.server(key)?.host !== four.client.server(key)?.host);
    expect(moved.length / keys.length).toBeLessThan(0.33);
    expect(new Set(moved.map((key) => four.client.server(key)?.host))).toEqual(new Set(['10.0.0.3']));
    // memjs itself moves nearly all.
    const hosts = (count: number) => configs(count).map(({ host }) => `${host}:1`);
    const [stockThree, stockFour] = [Client.create(hosts(3).join()), Client.create(hosts(4).join())];
    const stockMoved = keys.filter((key) => stockThree.server(key)?.host !== stockFour.server(key)?.host);
    expect(stockMoved.length / keys.length).toBeGreaterThan(0.6);
  });

  it('have the same keys in every version, so that an upgrade loses none', () => {
    const ipv6 = { host: '2001:db8::1', port: 11211, tls: undefined, login: undefined, timeoutMs: 1 };
    const { client, servers: four } = managedClient([...configs(3), ipv6]);
    const hosts = four.map(({ host }) => host);
    const places = keys.slice(0, 40).map((key) => hosts.indexOf(`${client.server(key)?.host}`));
    expect(places.join('')).toBe('2231110113120302010313331030030220322012');
  });

  it('get their parts of a batch in parallel, and are all disconnected on close', async () => {
    const proxies = await Promise.all(servers.map((server) => FaultProxy.start(server)));
    const backend = memcachedBackend({
      servers: proxies.map(({ port }) => `127.0.0.1:${port}`),
      namespace: 'parallel',
      timeoutMs: 30_000,
    });
    await backend.multiSetValues(keys.map((key) => [key, 1] as const));
    expect(proxies.map(({ links }) => links)).toEqual([1, 1, 1]);
    const [first, ...others] = servers as [ServerProcess, ...ServerProcess[]];
    const own = await keysOn(`${first.host}:${first.port}`, 'parallel');
    const counts = async () =>
      (await Promise.all(others.map(({ host, port }) => keysOn(`${host}:${port}`, 'parallel')))).flat().length;
    await first.pause();
    // The first of them is of the server that does not answer.
    const batch = backend.deleteMany([...own, ...keys]);
    await until('the others have done their parts', async () => (await counts()) === 0);
    first.resume();
    expect(await batch).toBe(keys.length);
    await backend.close();
    await until('all are disconnected', async () => proxies.every(({ links }) => links === 0));
    await Promise.all(proxies.map((proxy) => proxy.stop()));
  });

  it('have the same keys in whatever order they are named', async () => {
    const there = memcachedBackend({ servers: addresses, namespace: 'order', timeoutMs: 10_000 });
    const back = memcachedBackend({ servers: [...addresses].reverse(), namespace: 'order', timeoutMs: 10_000 });
    await there.multiSetValues(keys.map((key, index) => [key, index] as const));
    expect(await back.multiGetValues(keys)).toEqual(keys.map((_, index) => index));
    await Promise.all([there.close(), back.close()]);
  });

  it('that fail together reject with the first key that failed', async () => {
    const backend = memcachedBackend({ servers: addresses, namespace: 'first', timeoutMs: 10_000 });
    const large = 'x'.repeat(1_048_576);
    for (let turn = 0; turn < 6; turn++) {
      const names = Array.from({ length: 6 }, (_, index) => `k${(index + turn) % 6}`);
      const batch = names.map((name, index) => [name, index === 0 ? 1 : large] as const);
      expect((await failureOf(backend.multiSetValues(batch))).key).toBe(names[1]);
    }
    await backend.close();
  });

  it('hold distinct keys, and only those of a failed server are lost', async () => {
    const backend = memcachedBackend({ servers: addresses, namespace: 'down', timeoutMs: 3000 });
    await backend.multiSetValues(keys.map((key, index) => [key, index] as const));
    const held = await Promise.all(addresses.map((address) => keysOn(address, 'down')));
    expect(held.flat().sort()).toEqual([...keys].sort());
    for (const [index, server] of servers.entries()) {
      const own = held[index] as string[];
      const others = keys.filter((key) => !own.includes(key));
      expect(own.length).toBeGreaterThan(0);
      await server.kill();
      expect(await backend.multiGetValues(others)).toEqual(others.map((key) => keys.indexOf(key)));
      const failure = await failureOf(backend.getValue(own[0] as string));
      expect(failure).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
      await checkMixedBatch(backend, own, others);
      await server.restart();
      await backend.multiSetValues(own.map((key) => [key, keys.indexOf(key)] as const));
    }
    await backend.close();
  });
});

/** The keys of a namespace that one server has. */
async function keysOn(address: string, namespace: string): Promise<string[]> {
  const backend = memcachedBackend({ servers: address, namespace, timeoutMs: 10_000 });
  const values = await backend.multiGetValues(keys);
  await backend.close();
  return keys.filter((_, index) => values[index] !== undefined);
}

/** A batch with keys of a failed server names the first of them, and stores the others. */
async function checkMixedBatch(
  backend: CacheBackend,
  own: readonly string[],
  others: readonly string[],
): Promise<void> {
  const [first, second] = [others[0] as string, own[0] as string];
  const failure = await failureOf(
    backend.multiSetValues([
      [first, 'changed'],
      [second, 'changed'],
    ]),
  );
  expect(failure).toMatchObject({ code: 'UNAVAILABLE', key: second, maybeApplied: true });
  expect(await backend.getValue(first)).toBe('changed');
  await backend.setValue(first, keys.indexOf(first));
}
