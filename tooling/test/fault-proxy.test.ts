import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Fault } from '@ninefold/core/conformance';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { until } from '../fault-proxy/delay.ts';
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

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 80));

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
  expect((await seen({ kind: 'delay', delayMs: 200 })).text).toBe('');
  const dripping = client();
  await soon();
  await proxy.set({ kind: 'trickle' });
  dripping.socket.write('drip');
  await soon();
  expect(dripping.chunks.join('')).toBe('[drip]');
  expect(dripping.chunks.length).toBeGreaterThan(1);
});

it('delays as a line does: what follows something under way comes as soon after it as it was sent', async () => {
  const chunks = 120;
  const delayMs = 50;
  const made = client();
  await soon();
  await proxy.set({ kind: 'delay', delayMs });
  let arrived = 0;
  made.socket.on('data', () => {
    arrived = performance.now();
  });
  const began = performance.now();
  let sent = began;
  for (let chunk = 0; chunk < chunks; chunk++) {
    await until(began + chunk * 0.3);
    sent = performance.now();
    made.socket.write(`${chunk};`);
  }
  await expect.poll(() => made.chunks.join('')).toContain(`${chunks - 1};]`);
  expect(arrived - sent).toBeGreaterThanOrEqual(delayMs);
  // One after another, each by a timer of its own, they would come some eighty milliseconds late.
  expect(arrived - sent).toBeLessThan(delayMs + 30);
});
