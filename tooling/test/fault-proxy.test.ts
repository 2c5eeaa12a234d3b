import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '@ninefold/core/conformance';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { FaultProxy } from '../fault-proxy/fault-proxy.ts';
import { listen } from '../servers/listen.ts';

/** The requests that reached the server, which replies to each with its text in brackets. */
const asked: string[] = [];
let server: Server;
let proxy: FaultProxy;
const sockets = new Set<Socket>();

beforeAll(async () => {
  server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      asked.push(String(bytes));
      socket.write(`[${String(bytes)}]`);
    });
  });
  const port = await listen(server);
  proxy = await FaultProxy.start({ host: '127.0.0.1', port });
});

afterAll(async () => {
  await proxy.stop();
  await new Promise((resolve) => server.close(resolve));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await proxy.set(undefined);
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  asked.length = 0;
});

interface Client {
  readonly socket: Socket;
  readonly chunks: string[];
  /** How the connection ended, if it did: by FIN, or by an error of this code. */
  end: string | undefined;
}

function client(): Client {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true });
  const made: Client = { socket, chunks: [], end: undefined };
  sockets.add(made.socket);
  made.socket.on('data', (bytes) => made.chunks.push(String(bytes)));
  made.socket.on('end', () => {
    made.end ??= 'FIN';
  });
  made.socket.on('error', (error: NodeJS.ErrnoException) => {
    made.end ??= error.code;
  });
  return made;
}

/** Waits until all bytes have arrived. Counts turns of the event loop, which client, proxy and server share, and not time. */
async function soon(): Promise<void> {
  for (let turn = 0; turn < 80; turn++) await sleep(1);
}

/** What a client receives after a request under a fault, and how many requests reached the server. */
async function seen(fault: Fault | undefined): Promise<{ text: string; end: string | undefined; asked: number }> {
  const made = client();
  await soon();
  await proxy.set(fault);
  made.socket.write('ping');
  await soon();
  return { text: made.chunks.join(''), end: made.end, asked: asked.length };
}

it('passes bytes on unchanged without a fault', async () => {
  expect(await seen(undefined)).toEqual({ text: '[ping]', end: undefined, asked: 1 });
});

it.each([
  ['request', 'rst', { text: '', end: 'ECONNRESET', asked: 0 }],
  ['request', 'fin', { text: '', end: 'FIN', asked: 0 }],
  ['request', 'silence', { text: '', end: undefined, asked: 0 }],
  ['reply', 'rst', { text: '', end: 'ECONNRESET', asked: 1 }],
  ['reply', 'fin', { text: '', end: 'FIN', asked: 1 }],
  ['reply', 'silence', { text: '', end: undefined, asked: 1 }],
] as const)('cuts on the %s by %s, and only once', async (on, by, expected) => {
  expect(await seen({ kind: 'cut', on, by })).toEqual(expected);
  const next = client();
  next.socket.write('next');
  await soon();
  expect(next.chunks.join('')).toBe('[next]');
});

it('refuses connections, and resets those there were', async () => {
  expect(await seen({ kind: 'refuse' })).toMatchObject({ text: '', end: 'ECONNRESET' });
  const refused = client();
  await soon();
  expect(refused.end).toBe('ECONNREFUSED');
  await proxy.set(undefined);
  const mended = client();
  mended.socket.write('again');
  await soon();
  expect(mended.chunks.join('')).toBe('[again]');
});

it('falls silent for good on a link that lost bytes', async () => {
  const silent = client();
  await soon();
  await proxy.set({ kind: 'silence' });
  silent.socket.write('lost');
  await soon();
  await proxy.set(undefined);
  silent.socket.write('still lost');
  await soon();
  expect([silent.chunks, silent.end, asked]).toEqual([[], undefined, []]);
});

it('ends idle links, and leaves new ones alone', async () => {
  for (const [by, end] of [
    ['rst', 'ECONNRESET'],
    ['fin', 'FIN'],
  ] as const) {
    const idle = client();
    await soon();
    await proxy.set({ kind: 'idle-cut', by });
    await soon();
    expect(idle.end).toBe(end);
  }
});

it('cuts an answer in its middle, turns it into garbage, lets it come late or byte by byte', async () => {
  expect(await seen({ kind: 'half-reply' })).toMatchObject({ text: '[pi', end: 'FIN' });
  const { text } = await seen({ kind: 'garbage' });
  expect(text).toHaveLength('[ping]'.length);
  expect(text).not.toBe('[ping]');
  expect((await seen({ kind: 'delay', delayMs: 5000 })).text).toBe('');
  const dripping = client();
  await soon();
  await proxy.set({ kind: 'trickle' });
  dripping.socket.write('drip');
  await soon();
  expect(dripping.chunks.join('')).toBe('[drip]');
  expect(dripping.chunks.length).toBeGreaterThan(1);
});

it('delays like a network: replies keep the distance in time with which they were sent', async () => {
  const made = client();
  await soon();
  await proxy.set({ kind: 'delay', delayMs: 50 });
  // Controls the proxy's clock, so that load on the machine delays nothing.
  const clock = vi.spyOn(performance, 'now');
  for (const [at, text] of [
    [0, 'a'],
    [1, 'b'],
    [1, 'c'],
    [1, 'd'],
    [2, 'e'],
  ] as const) {
    clock.mockReturnValue(at);
    made.socket.write(text);
    await soon();
  }
  expect(asked).toEqual(['a', 'b', 'c', 'd', 'e']);
  for (const [at, arrived] of [
    [49, []],
    [50, ['[a]']],
    // All at once: with a timer for each, later replies would be delayed more and more.
    [51, ['[a]', '[b][c][d]']],
    [52, ['[a]', '[b][c][d]', '[e]']],
  ] as const) {
    clock.mockReturnValue(at);
    await soon();
    expect(made.chunks).toEqual(arrived);
  }
});
