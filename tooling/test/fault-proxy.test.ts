import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '@ninefold/core/conformance';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { FaultProxy } from '../fault-proxy/fault-proxy.ts';

/** Answers each request with itself in brackets, and keeps what it was asked. */
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
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
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

/** Lets arrive what is under way. In turns of the event loop, which client, proxy and server share: a busy machine skips none. */
async function soon(): Promise<void> {
  for (let turn = 0; turn < 80; turn++) await sleep(1);
}

/** What a client sees of a request under a fault, and whether the server was asked. */
async function seen(fault: Fault | undefined): Promise<{ text: string; end: string | undefined; asked: number }> {
  const made = client();
  await soon();
  await proxy.set(fault);
  made.socket.write('ping');
  await soon();
  return { text: made.chunks.join(''), end: made.end, asked: asked.length };
}

it('passes what it is not told to break', async () => {
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

it('delays as a line does: what follows something under way comes as soon after it as it was sent', async () => {
  const made = client();
  await soon();
  await proxy.set({ kind: 'delay', delayMs: 50 });
  // The clock of the proxy, so that a busy machine makes nothing late.
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
    // At once: one after another, each by a timer of its own, many would come ever later.
    [51, ['[a]', '[b][c][d]']],
    [52, ['[a]', '[b][c][d]', '[e]']],
  ] as const) {
    clock.mockReturnValue(at);
    await soon();
    expect(made.chunks).toEqual(arrived);
  }
});
