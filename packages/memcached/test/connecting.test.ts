import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { type ConnectionOptions, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { DriverError } from '@ninefold/core';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { certificate } from '@ninefold/tooling/servers/certificate';
import { listen } from '@ninefold/tooling/servers/listen';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { tlsProxy } from '@ninefold/tooling/servers/tls-proxy';
import { until } from '@ninefold/tooling/servers/until';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { keptOf } from '@ninefold/tooling/testing/kept';
import { describe, expect, it, vi } from 'vitest';
import { HandshakeReader, handshakeError } from '../src/handshake.ts';
import { managedClient } from '../src/managed-client.ts';
import { memcachedBackend } from '../src/memcached.ts';
import { encode, Opcode, Status } from '../src/protocol.ts';
import { startLab } from './support/lab.ts';

it('a call to a silent server waits for one second by default', async () => {
  const server = createServer(() => undefined);
  const backend = memcachedBackend({ servers: `127.0.0.1:${await listen(server)}` });
  expect((await failureOf(backend.getValue('k'))).message).toContain('within 1000 ms');
  await backend.close();
  server.close();
});

it('a call to a server that falls silent waits for one second by default, too', async () => {
  const { lab, stop } = await startLab();
  const backend = lab.create({});
  await until('it is connected', () =>
    backend.exists('k').then(
      () => true,
      () => false,
    ),
  );
  await lab.set({ kind: 'silence' });
  const call = Promise.race([failureOf(backend.getValue('k')), sleep(20_000)]);
  expect(await call).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('within 1000 ms') });
  await backend.close();
  await stop();
});

it('options of tls.connect are those at the time when the backend was made', async () => {
  const tls: ConnectionOptions = {};
  const backend = memcachedBackend({ servers: '127.0.0.1:1', tls, timeoutMs: 10_000 });
  tls.minVersion = 'TLSv9' as 'TLSv1.3';
  expect(await failureOf(backend.getValue('k'))).toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  await backend.close();
});

describe('options of tls.connect that Node refuses', () => {
  const refused = [
    ['a protocol that there is not', { minVersion: 'TLSv9' as 'TLSv1.3' }],
    ['a cipher that there is not', { ciphers: 's3cret' }],
    ['a key that is none', { cert: 's3cret', key: 's3cret' }],
  ] as const;
  it.each(refused)('reject every call at once, and do not end the process: %s', async (_what, tls) => {
    const backend = memcachedBackend({ servers: '127.0.0.1:1', tls, timeoutMs: 20_000 });
    const many = Array.from({ length: 30_000 }, (_, index): [string, number] => [`k${index}`, index]);
    const calls = [
      backend.getValue('k'),
      backend.incr('n'),
      backend.multiGetValues(['a', 'b']),
      backend.multiSetValues(many),
      backend.deleteMany(many.map(([key]) => key)),
    ];
    for (const failure of await Promise.all(calls.map((call) => failureOf(call, ['s3cret'])))) {
      expect(failure).toMatchObject({ code: 'BACKEND', retryable: false, maybeApplied: false });
      expect(failure.cause).toMatchObject({ code: expect.stringMatching(/^ERR_/) });
      expect(failure.message).toContain('tls');
    }
    await backend.close();
  });
});

it('a call succeeds soon after a fault, while an earlier call still waits for its handshake', async () => {
  const { lab, stop } = await startLab();
  const backend = lab.create({ timeoutMs: 4000 });
  await lab.set({ kind: 'silence' });
  let waits = true;
  const first = failureOf(backend.getValue('k')).finally(() => {
    waits = false;
  });
  await sleep(500);
  await lab.set(undefined);
  await sleep(1500);
  expect(await backend.getValue('k')).toBeUndefined();
  expect(waits).toBe(true);
  expect(['TIMEOUT', 'UNAVAILABLE']).toContain((await first).code);
  await backend.close();
  await stop();
});

it('a connection whose responses arrive byte by byte keeps its calls, and later calls use a new one', async () => {
  const server = await startMemcached();
  let links = 0;
  let drips = false;
  const proxy = createServer((client) => {
    links += 1;
    const link = links;
    const upstream = connect({ host: server.host, port: server.port });
    client.pipe(upstream);
    let rest = Buffer.alloc(0);
    upstream.on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      const drop = link === 1 && drips ? 1 : rest.length;
      client.write(rest.subarray(0, drop));
      rest = rest.subarray(drop);
    });
    for (const socket of [client, upstream]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        for (const other of [client, upstream]) other.destroy();
      });
    }
  });
  const backend = memcachedBackend({ servers: `127.0.0.1:${await listen(proxy)}`, timeoutMs: 500 });
  await backend.setValue('k', 'v');
  drips = true;
  const get = (): Promise<boolean> =>
    backend.getValue('k').then(
      (value) => value === 'v',
      () => false,
    );
  const calls: Promise<boolean>[] = [];
  for (let call = 0; call < 30; call++) {
    calls.push(get());
    await sleep(50);
  }
  const answered = await Promise.all(calls);
  expect([answered[0], ...answered.slice(-5)]).toEqual([false, true, true, true, true, true]);
  expect(links).toBe(2);
  await backend.close();
  proxy.close();
  await server.stop();
});

describe('a connection', () => {
  it('that has been replaced still delivers its responses, and then ends', async () => {
    const { lab, proxy, stop } = await startLab();
    const backend = lab.create({ timeoutMs: 30_000 });
    await backend.setValue('k', 'v');
    await lab.set({ kind: 'delay', delayMs: 5000 });
    const late = [backend.getValue('k')];
    await sleep(700);
    late.push(backend.getValue('k'));
    await sleep(700);
    await lab.set(undefined);
    expect(await backend.getValue('k')).toBe('v');
    expect(proxy.links).toBe(2);
    expect(await Promise.all(late)).toEqual(['v', 'v']);
    await until('it has ended', async () => proxy.links === 1);
    expect(await backend.getValue('k')).toBe('v');
    expect(proxy.links).toBe(1);
    await backend.close();
    await stop();
  });

  it('that is being made is waited for by all calls', async () => {
    const { lab, proxy, stop } = await startLab();
    await lab.set({ kind: 'delay', delayMs: 500 });
    const backend = lab.create({ timeoutMs: 30_000 });
    const calls: Promise<unknown>[] = [];
    for (let call = 0; call < 5; call++) {
      calls.push(backend.getValue('k'));
      await turn();
    }
    // Time in which others would arrive.
    await sleep(200);
    expect(proxy.links).toBeLessThan(2);
    await lab.set(undefined);
    expect(await Promise.all(calls)).toEqual(calls.map(() => undefined));
    await backend.close();
    await stop();
  });

  it('that has been replaced ends on close, too', async () => {
    const { lab, proxy, stop } = await startLab();
    const backend = lab.create({ timeoutMs: 600_000 });
    await backend.setValue('k', 'v');
    await lab.set({ kind: 'silence' });
    const calls = [failureOf(backend.getValue('k'))];
    await sleep(1200);
    calls.push(failureOf(backend.getValue('k')));
    await until('there is another', async () => proxy.links === 2);
    await backend.close();
    for (const { code } of await Promise.all(calls)) expect(code).toBe('CLOSED');
    await until('both have ended', async () => proxy.links === 0);
    await stop();
  });

  it('that has ended is not kept in memory', async () => {
    const sockets: WeakRef<object>[] = [];
    const note = (message: unknown): void => void sockets.push(new WeakRef((message as { socket: Socket }).socket));
    subscribe('net.client.socket', note);
    const backend = memcachedBackend({ servers: '127.0.0.1:1', timeoutMs: 20_000 });
    for (let call = 0; call < 50; call++) expect((await failureOf(backend.getValue('k'))).code).toBe('UNAVAILABLE');
    unsubscribe('net.client.socket', note);
    expect(sockets.length).toBeGreaterThanOrEqual(50);
    await expect.poll(() => keptOf(sockets)).toBeLessThan(5);
    await backend.close();
  });

  it('that was replaced while it was being made is used, if it is ready before the other', async () => {
    const server = await startMemcached();
    const held: (() => void)[] = [];
    let links = 0;
    const proxy = createServer((client) => {
      links += 1;
      const upstream = connect({ host: server.host, port: server.port });
      client.pipe(upstream);
      held.push(() => upstream.pipe(client));
      for (const socket of [client, upstream]) socket.on('error', () => undefined);
      client.on('close', () => {
        links -= 1;
        upstream.destroy();
      });
    });
    const backend = memcachedBackend({ servers: `127.0.0.1:${await listen(proxy)}`, timeoutMs: 30_000 });
    const first = backend.exists('k');
    await sleep(1200);
    const second = backend.exists('k');
    await until('there is another', async () => held.length === 2);
    held[0]?.();
    expect(await first).toBe(false);
    for (let call = 0; call < 3; call++) expect(await backend.exists('k')).toBe(false);
    held[1]?.();
    expect(await second).toBe(false);
    await until('the other has ended', async () => links === 1);
    expect(await backend.exists('k')).toBe(false);
    expect(held.length).toBe(2);
    await backend.close();
    proxy.close();
    await server.stop();
  });

  it('that falls silent when it has answered a request before it has read all of it is replaced', async () => {
    let links = 0;
    const server = createServer((socket) => {
      links += 1;
      const refuses = links === 1;
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => {
        const [magic, opcode = 0] = bytes;
        if (magic !== 0x80) return;
        const isSet = opcode === Opcode.set;
        const response = Buffer.alloc(24);
        response.set([0x81, opcode]);
        response.writeUInt16BE(isSet ? Status.tooLarge : opcode === Opcode.get ? Status.notFound : Status.ok, 6);
        bytes.copy(response, 12, 12, 16);
        socket.write(response);
        if (isSet && refuses) socket.pause();
      });
    });
    const backend = memcachedBackend({ servers: `127.0.0.1:${await listen(server)}`, timeoutMs: 5000 });
    const text = 'x'.repeat(50_000_000);
    expect((await failureOf(backend.setValue('k', text))).code).toBe('TOO_LARGE');
    await until('it has been replaced', () =>
      backend.exists('k').then(
        () => true,
        () => false,
      ),
    );
    await backend.close();
    server.close();
  });

  it('that was idle for more than a second is not taken for silent', async () => {
    const { lab, proxy, stop } = await startLab();
    const backend = lab.create({ timeoutMs: 30_000 });
    await backend.setValue('k', 'v');
    await sleep(1200);
    await lab.set({ kind: 'delay', delayMs: 1500 });
    const first = backend.getValue('k');
    await turn();
    const second = backend.getValue('k');
    // Time in which another connection would arrive.
    await sleep(500);
    expect(proxy.links).toBe(1);
    await lab.set(undefined);
    expect(await Promise.all([first, second])).toEqual(['v', 'v']);
    await backend.close();
    await stop();
  });

  it('is not taken for silent because the event loop stalls while a response is on its way', async () => {
    const server = await startMemcached();
    let sockets = 0;
    const note = (): void => {
      sockets += 1;
    };
    subscribe('net.client.socket', note);
    const backend = memcachedBackend({ servers: `127.0.0.1:${server.port}`, timeoutMs: 30_000 });
    await backend.setValue('k', 'v');
    const stall = (): void => {
      const end = performance.now() + 1500;
      while (performance.now() < end);
    };
    const first = backend.getValue('k');
    stall();
    expect(await Promise.all([first, backend.getValue('k')])).toEqual(['v', 'v']);
    await backend.getValue('k');
    const next = backend.getValue('k');
    // Timers run before bytes are read.
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    stall();
    expect(await Promise.all([next, backend.getValue('k')])).toEqual(['v', 'v']);
    unsubscribe('net.client.socket', note);
    expect(sockets).toBe(1);
    await backend.close();
    await server.stop();
  });

  it('that has answered after all is used again', async () => {
    const { lab, stop } = await startLab();
    const backend = lab.create({ timeoutMs: 30_000 });
    await backend.setValue('k', 'v');
    await lab.set({ kind: 'delay', delayMs: 1200 });
    let sockets = 0;
    const note = (): void => {
      sockets += 1;
    };
    subscribe('net.client.socket', note);
    const timers = vi.spyOn(globalThis, 'setTimeout');
    for (let call = 0; call < 2; call++) expect(await backend.getValue('k')).toBe('v');
    unsubscribe('net.client.socket', note);
    expect(sockets).toBe(0);
    // For a negative delay Node 24 writes a warning to the console.
    expect(Math.min(...timers.mock.calls.map(([, delay = 0]) => delay))).toBeGreaterThanOrEqual(0);
    // It is not looked at all the time while it is stalled.
    expect(timers.mock.calls.length).toBeLessThan(150);
    timers.mockRestore();
    await backend.close();
    await stop();
  });

  it('whose responses come all the time, each of them late, is not taken for silent', async () => {
    const { lab, proxy, stop } = await startLab();
    await lab.set({ kind: 'delay', delayMs: 200 });
    let links = 2;
    // A stall of this process looks like silence.
    for (let tries = 0; tries < 5 && links > 1; tries++) {
      const backend = lab.create({ timeoutMs: 30_000 });
      await backend.exists('k');
      const calls: Promise<unknown>[] = [];
      links = 0;
      for (let call = 0; call < 30; call++) {
        calls.push(backend.exists('k'));
        await sleep(50);
        links = Math.max(links, proxy.links);
      }
      await Promise.all(calls);
      await backend.close();
      await until('it has ended', async () => proxy.links === 0);
    }
    expect(links).toBe(1);
    await stop();
  });

  it('leaves no timer behind when it is closed', async () => {
    const silent = createServer(() => undefined);
    const servers = `127.0.0.1:${await listen(silent)}`;
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const backends = Array.from({ length: 20 }, () => memcachedBackend({ servers, timeoutMs: 600_000 }));
    const calls = backends.map((backend) => failureOf(backend.getValue('k')));
    await Promise.all(backends.map((backend) => backend.close()));
    for (const { code } of await Promise.all(calls)) expect(code).toBe('CLOSED');
    expect(timers() - before).toBeLessThan(10);
    silent.close();
  });

  it('leaves no timer behind either if it was taken for silent and has answered', async () => {
    const { lab, stop } = await startLab();
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const backends = Array.from({ length: 20 }, () => lab.create({ timeoutMs: 600_000 }));
    await Promise.all(backends.map((backend) => backend.setValue('k', 'v')));
    await lab.set({ kind: 'delay', delayMs: 1200 });
    await Promise.all(backends.map((backend) => backend.getValue('k')));
    await Promise.all(backends.map((backend) => backend.close()));
    expect(timers() - before).toBeLessThan(10);
    await stop();
  });

  it('ends when no call waits for its responses any more', async () => {
    const { lab, proxy, stop } = await startLab();
    // Longer than the interval at which the connection is checked.
    const backend = lab.create({ timeoutMs: 1500 });
    await until('it is there', () =>
      backend.exists('k').then(
        () => true,
        () => false,
      ),
    );
    await lab.set({ kind: 'silence' });
    expect(await failureOf(backend.getValue('k'))).toMatchObject({ code: 'TIMEOUT' });
    await until('it has ended', async () => proxy.links === 0);
    // The next connection does not even get through its handshake.
    expect((await failureOf(backend.getValue('k'))).retryable).toBe(true);
    await until('it has ended, too', async () => proxy.links === 0);
    await backend.close();
    await stop();
  });

  it('that is reset fails with the system’s code', async () => {
    const { lab, stop } = await startLab();
    const backend = lab.create({ timeoutMs: 30_000 });
    await backend.setValue('k', 1);
    await lab.set({ kind: 'cut', on: 'reply', by: 'rst' });
    const failure = await failureOf(backend.incr('k'));
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: true, cause: { code: 'ECONNRESET' } });
    expect(failure.message).toBe('[memcached] incr "k": the connection was lost (ECONNRESET)');
    await backend.close();
    await stop();
  });

  it('whose responses are out of step fails, with the calls that were sent on it', async () => {
    const { lab, stop } = await startLab();
    const backend = lab.create({ timeoutMs: 30_000 });
    await backend.setValue('k', 1);
    await lab.set({ kind: 'garbage' });
    const failure = await failureOf(backend.incr('k'));
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied: true });
    expect(failure.message).toContain('out of step');
    expect(await backend.getValue('k')).toBe(2);
    await backend.close();
    await stop();
  });
});

describe('the first bytes from a server', () => {
  it('are recognised as a response, even byte by byte', async () => {
    const { lab, stop } = await startLab();
    await lab.set({ kind: 'trickle' });
    const backend = lab.create({ timeoutMs: 5000 });
    await backend.setValue('k', 'v');
    expect(await backend.getValue('k')).toBe('v');
    await backend.close();
    await stop();
  });

  it('are recognised as the text protocol, even byte by byte', async () => {
    const server = await startMemcached(['-B', 'ascii']);
    const proxy = await FaultProxy.start(server);
    await proxy.set({ kind: 'trickle' });
    // Longer than a test may take: the text must be what refuses the server, not the timeout.
    const backend = memcachedBackend({ servers: `127.0.0.1:${proxy.port}`, timeoutMs: 600_000 });
    const failure = await failureOf(backend.setValue('k', 1));
    expect(failure).toMatchObject({ code: 'BACKEND', retryable: false, maybeApplied: false });
    expect(failure.message).toContain('text protocol');
    await backend.close();
    await proxy.stop();
    await server.stop();
  });

  it('are recognised as the text protocol when the server sends no end of the line', async () => {
    const server = createServer((socket) => socket.write('ERROR Too many open connections'));
    const servers = `127.0.0.1:${await listen(server)}`;
    const backend = memcachedBackend({ servers, timeoutMs: 500 });
    expect((await failureOf(backend.setValue('k', 1))).message).toContain('too many connections');
    await backend.close();
    server.close();
  });

  /** The verdict on each piece, up to the first that is refused, and the message of the error. */
  function judge(pieces: readonly string[]): readonly [verdicts: string[], refusal: string | undefined] {
    const reader = new HandshakeReader();
    const verdicts: string[] = [];
    for (const piece of pieces) {
      verdicts.push(reader.read(Buffer.from(piece, 'latin1')));
      if (verdicts.at(-1) === 'refused') break;
    }
    return [verdicts, reader.refusal?.message];
  }

  it('are judged alike however they are split', () => {
    const lines = [
      ['ERROR\r\n', 'text protocol'],
      ['CLIENT_ERROR bad command line\r\n', 'text protocol'],
      ['SERVER_ERROR out of memory\r\n', 'text protocol'],
      ['ERROR Too many open connections\r\n', 'too many connections'],
      ['HTTP/1.1 400 Bad Request\r\n', 'not a memcached'],
      ['SERVER_ERRONEOUS\r\n', 'not a memcached'],
    ] as const;
    for (const [line, reason] of lines) {
      for (let cut = 1; cut < line.length; cut++) {
        const [verdicts, refusal] = judge([line.slice(0, cut), line.slice(cut)]);
        expect([verdicts.at(-1), refusal]).toEqual(['refused', expect.stringContaining(reason)]);
      }
    }
    expect(judge(['\x81\x0a', 'ERROR\r\n', '\0'])).toEqual([['response', 'response', 'response'], undefined]);
    expect(judge(['SERVER_ERROR ', 'x'.repeat(200)])[0]).toEqual(['more', 'refused']);
    expect(judge(['E', '\x81'])[0]).toEqual(['more', 'refused']);
    expect(judge(['HTTP'])[0]).toEqual(['refused']);
  });

  it('are judged as far as they have come when the server sends no more', () => {
    expect(judge(['ERR', 'OR'])).toEqual([['more', 'more'], expect.stringContaining('text protocol')]);
    expect(judge(['ERR'])).toEqual([['more'], expect.stringContaining('not a memcached')]);
  });
});

it.each([
  ['requires TLS is reported as such', true, undefined, 'cannot be reached (ECONNRESET); the server may require TLS'],
  [
    'does not speak TLS and waits for more bytes is reported as such',
    false,
    true,
    'no answer within 3000 ms; the server may not speak TLS',
  ],
] as const)('a server that %s', async (_, secure, tls, reason) => {
  // A Redis will do: the connection fails before either protocol is spoken.
  const server = await startRedis([], { tls: secure });
  const backend = memcachedBackend({ servers: `127.0.0.1:${server.port}`, tls, timeoutMs: 3000 });
  const failure = await failureOf(backend.setValue('k', 1));
  expect(failure).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied: false });
  expect(failure.message).toBe(`[memcached] setValue "k": ${reason}`);
  await backend.close();
  await server.stop();
});

describe('a hint at TLS', () => {
  /** The message of a call to a server that is closed afterwards. */
  async function messageOf(server: Server, tls: ConnectionOptions | undefined): Promise<string> {
    const servers = `127.0.0.1:${await listen(server)}`;
    const backend = memcachedBackend({ servers, tls, timeoutMs: 3000 });
    const failure = await failureOf(backend.setValue('k', 1));
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: false });
    await backend.close();
    server.close();
    return failure.message;
  }

  it('is given for a server that ends a connection without TLS before it answers, or that answers in plain text', async () => {
    const ends = createServer((socket) =>
      socket
        .on('error', () => undefined)
        .resume()
        .end(),
    );
    expect(await messageOf(ends, undefined)).toBe(
      '[memcached] setValue "k": the server closed the connection; the server may require TLS',
    );
    const plain = createServer((socket) =>
      socket
        .on('error', () => undefined)
        .resume()
        .write('ERROR\r\n'),
    );
    expect(await messageOf(plain, {})).toBe(
      '[memcached] setValue "k": cannot be reached (ERR_SSL_WRONG_VERSION_NUMBER); the server may not speak TLS',
    );
  });

  it('is not given for a server that ends a connection which is under TLS, or which it has begun to answer', async () => {
    expect(
      await messageOf(
        createServer((socket) => socket.destroy()),
        {},
      ),
    ).not.toContain('TLS');
    const answers = createServer((socket) => socket.end(Buffer.of(0x81)));
    expect(await messageOf(answers, undefined)).toBe('[memcached] setValue "k": the server closed the connection');
  });

  it('is not given for a server that takes no more connections', async () => {
    const full = await startMemcached(['-b', '1']);
    await full.pause();
    const others = Array.from({ length: 8 }, () => connect(full.port, full.host).on('error', () => undefined));
    await until('its queue is full', async () => others.some(({ connecting }) => !connecting));
    const backend = memcachedBackend({ servers: `${full.host}:${full.port}`, tls: true, timeoutMs: 1000 });
    const failure = await failureOf(backend.setValue('k', 1));
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: false });
    expect(failure.message).toBe('[memcached] setValue "k": no connection within 1000 ms');
    for (const other of others) other.destroy();
    await backend.close();
    await full.stop();
  });

  it('is not given for a server that speaks TLS, and then falls silent', async () => {
    const { ca, keyFile } = await certificate();
    const silent = createTlsServer({ cert: ca, key: await readFile(keyFile) });
    expect(await messageOf(silent, { ca })).toBe('[memcached] setValue "k": no answer within 3000 ms');
  });
});

it('a distant server, with which a TLS handshake takes longer than a call may, is used', async () => {
  const server = await startMemcached();
  const secured = await tlsProxy(server.port);
  const proxy = await FaultProxy.start({ host: '127.0.0.1', port: secured.port });
  await proxy.set({ kind: 'delay', delayMs: 120 });
  const { ca } = await certificate();
  // Before version 1.3 the handshake takes two round trips.
  const tls = { ca, maxVersion: 'TLSv1.2' } as const;
  const backend = memcachedBackend({ servers: `localhost:${proxy.port}`, tls, timeoutMs: 220 });
  const answers = (): Promise<boolean> =>
    backend.exists('k').then(
      () => true,
      () => false,
    );
  await until('it answers', answers);
  await backend.close();
  await proxy.stop();
  secured.proxy.close();
  await server.stop();
});

it('TLS names the server that it connects to, unless that is an address, or another name is given', async () => {
  const { ca, keyFile } = await certificate();
  const names: unknown[] = [];
  const server = createTlsServer({ cert: ca, key: await readFile(keyFile) }, (socket) => {
    names.push((socket as TLSSocket & { readonly servername: unknown }).servername);
    socket.destroy();
  });
  const port = await listen(server);
  for (const [host, tls] of [
    ['localhost', { ca }],
    ['localhost', { ca, servername: undefined }],
    ['localhost', { ca, host: '127.0.0.2', port: 1 }],
    ['127.0.0.1', { ca, servername: 'localhost' }],
    ['127.0.0.1', { ca }],
  ] as const) {
    const servers = `${host}:${port}`;
    const backend = memcachedBackend({ servers, tls, timeoutMs: 10_000 });
    await failureOf(backend.setValue('k', 1));
    await backend.close();
  }
  server.close();
  expect(names).toEqual(['localhost', 'localhost', 'localhost', 'localhost', false]);
});

it('TLS is begun where the url or the options ask for it, before the login is sent', async () => {
  const firstBytes: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (bytes) => {
      firstBytes.push(bytes);
      socket.destroy();
    });
  });
  const address = `127.0.0.1:${await listen(server)}`;
  const login = { username: 'u', password: 'p' };
  for (const options of [
    { url: `memcacheds://u:p@${address}` },
    { url: `memcached://u:p@${address}`, tls: true },
    { url: `memcached://u:p@${address}`, tls: {} },
    { servers: address, ...login, tls: {} },
    { url: `memcached://u:p@${address}` },
    { servers: address, ...login, tls: false },
  ]) {
    const backend = memcachedBackend({ ...options, timeoutMs: 10_000 });
    await failureOf(backend.setValue('k', 1));
    await backend.close();
  }
  server.close();
  const [handshake, request] = [0x16, 0x80];
  expect(firstBytes.map(([first]) => first)).toEqual([handshake, handshake, handshake, handshake, request, request]);
  for (const bytes of firstBytes.slice(4)) expect(bytes.toString('latin1')).toMatch(/PLAIN\0u\0p$/);
});

describe('a response to the handshake', () => {
  const config = { host: 'a', port: 1, tls: undefined, timeoutMs: 1 };
  const login = { username: 'u', password: 'p' };
  const opaque = 0x0d0a0d0a;

  it('that refuses the login says that one is required, that the given one is wrong, or that none is supported', () => {
    const answer = { status: Status.authError, opaque };
    const missing = handshakeError({ ...config, login: undefined }, answer);
    expect([missing?.code, missing?.message]).toEqual(['AUTH', expect.stringContaining('requires a user name')]);
    const wrong = handshakeError({ ...config, login }, answer);
    expect([wrong?.code, wrong?.message]).toEqual(['AUTH', expect.stringContaining('wrong user name')]);
    const unsupported = handshakeError({ ...config, login }, { status: Status.unknownCommand, opaque });
    expect([unsupported?.code, unsupported?.message]).toEqual(['AUTH', expect.stringContaining('does not support')]);
    expect(unsupported?.options.cause).toEqual({ name: 'MemcachedError', code: '0x0081' });
  });

  it('with an unknown status is reported with its number', () => {
    const unknown = handshakeError({ ...config, login: undefined }, { status: 0x84, opaque });
    expect([unknown?.code, unknown?.options.cause?.code]).toEqual(['BACKEND', '0x0084']);
    expect(unknown?.message).toContain('0x0084');
  });

  it('that belongs to another request ends the connection, whatever its status', () => {
    for (const status of [Status.ok, Status.authError]) {
      const refusal = handshakeError({ ...config, login }, { status, opaque: opaque + 1 });
      expect([refusal?.code, refusal?.message]).toEqual(['UNAVAILABLE', expect.stringContaining('another request')]);
    }
  });

  it('with another status does not blame the login, whether one was given or not', () => {
    for (const given of [undefined, login]) {
      for (const [status, code, words] of [
        [Status.busy, 'UNAVAILABLE', 'busy'],
        [Status.outOfMemory, 'BACKEND', 'out of memory'],
      ] as const) {
        const refusal = handshakeError({ ...config, login: given }, { status, opaque });
        expect([refusal?.code, refusal?.message]).toEqual([code, expect.stringContaining(words)]);
      }
    }
  });
});

it('a bug in the adapter is reported as such, and not as a failure of the server', async () => {
  const server = await startMemcached();
  const { host, port } = server;
  const { servers } = managedClient([{ host, port, tls: undefined, login: undefined, timeoutMs: 5000 }]);
  const channel = servers[0];
  const send = (receive: () => boolean): Promise<DriverError | undefined> =>
    new Promise((resolve) => {
      channel?.send({
        call: { deadline: performance.now() + 5000, ended: false, sent: false },
        size: 1,
        encode: (opaque) => encode([{ opcode: Opcode.noop }], opaque),
        receive: () => {
          const done = receive();
          resolve(undefined);
          return done;
        },
        fail: resolve,
      });
    });
  const failure = await send(() => {
    throw new TypeError('s3cret');
  });
  expect(failure).toBeInstanceOf(DriverError);
  expect(failure?.code).toBe('BACKEND');
  expect(failure?.options).toEqual({ cause: { name: 'TypeError' } });
  expect(failure?.message).not.toMatch(/s3cret|step/);
  expect(await send(() => true)).toBeUndefined();
  channel?.close();
  await server.stop();
});
