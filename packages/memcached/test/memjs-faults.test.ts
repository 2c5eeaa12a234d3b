import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheBackend } from '@ninefold/core';
import type { Fault } from '@ninefold/core/conformance';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import { until } from '@ninefold/tooling/servers/until';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { Client } from 'memjs';
import { afterAll, describe, expect, it } from 'vitest';
import { memcachedBackend } from '../src/memcached.ts';
import { startLab } from './support/lab.ts';

// Each test shows a fault of memjs's own transport, and that ours does not have it.

/** Milliseconds after which a call counts as one that hangs: six times the time-out that both have. */
const HANG_MS = 3000;
const TIMEOUT_MS = 500;

const stops: (() => unknown)[] = [];
const sockets = new Set<Socket>();
subscribe('net.client.socket', (message) => sockets.add((message as { socket: Socket }).socket));

afterAll(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

interface Clients {
  readonly stock: Client;
  readonly ours: CacheBackend;
  set(fault: Fault | undefined): Promise<void>;
}

function stockClient(port: number): Client {
  const options = { timeout: TIMEOUT_MS / 1000, logger: { log: () => undefined } };
  return Client.create(`127.0.0.1:${port}`, options);
}

/** A stock client and a backend of ours, both connected through the same fault proxy. */
async function startClients(): Promise<Clients> {
  const { lab, proxy, stop } = await startLab();
  stops.push(stop);
  const stock = stockClient(proxy.port);
  const ours = lab.create({ timeoutMs: TIMEOUT_MS, namespace: 'ours' });
  stops.push(
    () => stock.close(),
    () => ours.close(),
  );
  await Promise.all([stock.set('a', 'of a'), stock.set('b', 'of b'), stock.set('n', '10')]);
  await ours.multiSetValues([
    ['a', 'of a'],
    ['b', 'of b'],
    ['n', 10],
  ]);
  return { stock, ours, set: lab.set };
}

/** The value or the error of a call, or 'hangs'. */
async function fate(call: Promise<unknown>): Promise<unknown> {
  return await Promise.race([call.catch((error: unknown) => error), sleep(HANG_MS, 'hangs')]);
}

const text = async (call: Promise<{ value: unknown }>): Promise<string> => String((await call).value);

describe.concurrent('memjs’s own transport, and ours', () => {
  it('leaves a call pending for ever when the server ends the connection, where ours rejects it', async () => {
    const { stock, ours, set } = await startClients();
    await set({ kind: 'cut', on: 'reply', by: 'fin' });
    expect(await fate(stock.delete('a'))).toBe('hangs');
    await set({ kind: 'cut', on: 'reply', by: 'fin' });
    expect(await failureOf(ours.delete('a'))).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: true });
  });

  it('returns wrong values after half a response, and ours does not', async () => {
    const { stock, ours, set } = await startClients();
    await set({ kind: 'half-reply' });
    void stock.get('a').catch(() => undefined);
    await sleep(300);
    await set(undefined);
    expect(await fate(text(stock.get('b')))).not.toBe('of b');
    await set({ kind: 'half-reply' });
    const first = ours.getValue('a');
    expect(await fate(first)).toBe('of a');
    expect(await ours.getValue('b')).toBe('of b');
  });

  it('counts an increment twice when the response is late, which ours never does', async () => {
    const { stock, ours, set } = await startClients();
    await set({ kind: 'delay', delayMs: TIMEOUT_MS + 400 });
    await fate(stock.increment('n', 1));
    // In a stall of this process a shorter delay would end with the deadline.
    await set({ kind: 'delay', delayMs: 20_000 });
    await failureOf(ours.incr('n'));
    await set(undefined);
    const patient = memcachedBackend({ client: stock, timeoutMs: 5000 });
    await until('memjs has counted twice', async () => (await text(stock.get('n'))) === '12');
    await patient.close();
    expect(await ours.getValue('n')).toBe(11);
  });

  it('throws at every call after 2^31 calls, which ours does not count', async () => {
    const { stock, ours } = await startClients();
    Object.assign(stock, { seq: 2 ** 31 - 1 });
    expect(await fate(Promise.resolve().then(() => stock.get('a')))).toBeInstanceOf(RangeError);
    expect(await ours.getValue('a')).toBe('of a');
  });

  it('can hang when a failed call is followed at once by another, which ours does not', async () => {
    const { stock, ours, set } = await startClients();
    await set({ kind: 'cut', on: 'reply', by: 'rst' });
    const again = (): Promise<unknown> => text(stock.get('b'));
    Object.assign(stock.options, { retries: 1 });
    expect(await fate(stock.delete('a').then(again, again))).toBe('hangs');
    await set({ kind: 'cut', on: 'reply', by: 'rst' });
    const ourAgain = () => ours.getValue('b');
    expect(await fate(ours.delete('a').then(ourAgain, ourAgain))).toBe('of b');
  });

  it('leaks sockets after timeouts and after close, and ours does not', async () => {
    const server = await startMemcached();
    stops.push(() => server.stop());
    const open = (): number =>
      [...sockets].filter(({ remotePort, destroyed }) => remotePort === server.port && !destroyed).length;
    const ours = memcachedBackend({ servers: `${server.host}:${server.port}`, timeoutMs: TIMEOUT_MS });
    await ours.setValue('a', 1);
    expect(open()).toBe(1);
    // A server that hangs; one that is cut off would do as well.
    await server.pause();
    await Promise.all([failureOf(ours.getValue('a')), failureOf(ours.getValue('a'))]);
    await until('no socket is left, though nobody has closed the backend', async () => open() === 0);
    await failureOf(ours.getValue('a'));
    await ours.close();
    expect(open()).toBe(0);
    const stock = stockClient(server.port);
    await fate(stock.get('a'));
    stock.close();
    await sleep(1000);
    expect(open()).toBeGreaterThan(0);
  });

  it('ours replaces a silent connection, and ends it once its calls have their responses', async () => {
    const server = await startMemcached();
    stops.push(() => server.stop());
    const open = (): number =>
      [...sockets].filter(({ remotePort, destroyed }) => remotePort === server.port && !destroyed).length;
    const ours = memcachedBackend({ servers: `${server.host}:${server.port}`, timeoutMs: 20_000 });
    await ours.setValue('a', 1);
    await server.pause();
    const before = ours.getValue('a');
    await sleep(1500);
    const after = ours.getValue('a');
    await until('there is another connection', async () => open() === 2);
    server.resume();
    expect(await Promise.all([before, after])).toEqual([1, 1]);
    await until('the first is gone', async () => open() === 1);
    expect(await ours.getValue('a')).toBe(1);
    await ours.close();
  });

  it('leaves what is in flight pending after close and connects again, where ours rejects', async () => {
    const { stock, ours, set } = await startClients();
    await set({ kind: 'cut', on: 'reply', by: 'silence' });
    const pending = stock.delete('a');
    await sleep(50);
    stock.close();
    await set(undefined);
    expect(await fate(pending)).toBe('hangs');
    expect(await fate(text(stock.get('b')))).toBe('of b');
    await set({ kind: 'silence' });
    const calls = [ours.getValue('a'), ours.incr('n')];
    const failures = Promise.all(calls.map((call) => failureOf(call)));
    await ours.close();
    for (const { code } of await failures) expect(['CLOSED', 'TIMEOUT']).toContain(code);
    expect(await failureOf(ours.getValue('b'))).toMatchObject({ code: 'CLOSED' });
  });

  it('loses the connection over a key that the server cannot take, which ours refuses or hashes', async () => {
    const { stock, ours } = await startClients();
    void stock.get('').catch(() => undefined);
    expect(await fate(stock.get('b'))).toBe('hangs');
    expect(await failureOf(ours.getValue(''))).toMatchObject({ code: 'INVALID_KEY' });
    await ours.setValue('x'.repeat(300), 1);
    expect(await ours.getValue('x'.repeat(300))).toBe(1);
  });
});
