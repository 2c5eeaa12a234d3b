import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { CacheBackend } from '@ninefold/core';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { keptOf } from '@ninefold/tooling/testing/kept';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BinaryTransport } from '../src/binary.ts';
import { DeleteCommand, GetCommand, IncrCommand, SetCommand } from '../src/commands.ts';
import { InFlightRequests } from '../src/in-flight.ts';
import { managedTransport } from '../src/managed-client.ts';
import { type CounterAnswer, type MemcachedTransport, memcachedBackend } from '../src/memcached.ts';
import { Parser } from '../src/parser.ts';
import { type ResponseFrame, Status } from '../src/protocol.ts';
import { Queue } from '../src/queue.ts';
import type { Request } from '../src/request.ts';

const MAX = Number.MAX_SAFE_INTEGER;

let server: ServerProcess;
let direct: CacheBackend;

beforeAll(async () => {
  server = await startMemcached();
  direct = memcachedBackend({ servers: `${server.host}:${server.port}`, timeoutMs: 10_000 });
});

afterAll(async () => {
  await direct.close();
  await server.stop();
});

/** A backend on our transport with another `incr`. */
function withIncr(
  incr: (real: BinaryTransport, ...args: Parameters<MemcachedTransport['incr']>) => Promise<CounterAnswer>,
) {
  const { host, port } = server;
  const real = managedTransport([{ host, port, tls: undefined, login: undefined, timeoutMs: 5000 }]);
  const transport: MemcachedTransport = {
    getMany: (...args) => real.getMany(...args),
    setMany: (...args) => real.setMany(...args),
    deleteMany: (...args) => real.deleteMany(...args),
    incr: (...args) => incr(real, ...args),
    close: () => real.close(),
  };
  return memcachedBackend({ transport, timeoutMs: 5000 });
}

describe('a counter that left the range', () => {
  it('is not restored if another write came between, and the error says so', async () => {
    const backend = withIncr(async (real, change, call) => {
      if (change.cas !== undefined) await direct.setValue('k', 7);
      return await real.incr(change, call);
    });
    await direct.setValue('k', MAX);
    expect(await failureOf(backend.incr('k', 5))).toMatchObject({ code: 'COUNTER_RANGE', maybeApplied: true });
    expect(await direct.getValue('k')).toBe(7);
    await backend.close();
  });

  it('is not created again if it has been deleted meanwhile', async () => {
    const backend = withIncr(async (real, change, call) => {
      if (change.cas !== undefined) await direct.delete('k');
      return await real.incr(change, call);
    });
    await direct.setValue('k', MAX);
    expect(await failureOf(backend.incr('k', 5))).toMatchObject({ code: 'COUNTER_RANGE', maybeApplied: false });
    expect(await direct.exists('k')).toBe(false);
    await backend.close();
  });

  it('is reported as maybe changed when the undo has failed', async () => {
    const backend = withIncr(async (real, change, call) => {
      if (change.cas !== undefined) real.close();
      return await real.incr(change, call);
    });
    await direct.setValue('k', -MAX);
    expect(await failureOf(backend.incr('k', -5))).toMatchObject({ code: 'COUNTER_RANGE', maybeApplied: true });
    await backend.close();
  });
});

it.each(['missing', 'changed'] as const)(
  'a counter that the server reports as %s on creation rejects with a retryable error',
  async (outcome) => {
    const backend = withIncr(async () => ({ outcome }));
    expect(await failureOf(backend.incr('k'))).toMatchObject({ code: 'BACKEND', retryable: true, maybeApplied: false });
    await backend.close();
  },
);

describe('a counter that two calls create at once', () => {
  it('is incremented by another attempt of the later call', async () => {
    let races = 0;
    const backend = withIncr(async (real, change, call) => {
      races += 1;
      return races <= 3 ? { outcome: 'raced' } : await real.incr(change, call);
    });
    expect(await backend.incr('raced', 3, { ttl: 60 })).toBe(3);
    expect(races).toBe(4);
    await backend.close();
  });

  it('is not sent again once its call has ended', async () => {
    let attempts = 0;
    const backend = withIncr(async () => {
      attempts += 1;
      await turn();
      return { outcome: 'raced' };
    });
    const failure = failureOf(backend.incr('raced'));
    await backend.close();
    expect((await failure).code).toBe('CLOSED');
    const sent = attempts;
    await sleep(50);
    expect(attempts).toBe(sent);
  });

  it('counts both', async () => {
    const one = memcachedBackend({ servers: `${server.host}:${server.port}`, timeoutMs: 10_000 });
    const keys = Array.from({ length: 500 }, (_, index) => `race${index}`);
    const sums = await Promise.all(keys.flatMap((key) => [one.incr(key), direct.incr(key)]));
    expect(sums.reduce((sum, value) => sum + value, 0)).toBe(keys.length * 3);
    await one.close();
  });
});

it('a transport that takes its time to close is waited for, and its failure is reported', async () => {
  let closed = false;
  const backend = memcachedBackend({
    transport: {
      getMany: async (keys) => keys.map(() => undefined),
      setMany: async () => undefined,
      deleteMany: async () => 0,
      incr: async () => ({ outcome: 'missing' }),
      close: async () => {
        await turn();
        closed = true;
        throw new TypeError('it is broken');
      },
    },
  });
  expect(await failureOf(backend.close())).toMatchObject({ code: 'BACKEND', cause: { name: 'TypeError' } });
  expect(closed).toBe(true);
});

describe('a response', () => {
  const call = { deadline: 0, ended: false, sent: true, signal: AbortSignal.abort() };
  const incr = new IncrCommand({ key: 'k', delta: 1n, create: undefined }, call);

  function response(status: number, valueBytes: number): ResponseFrame {
    return { status, bytes: Buffer.alloc(8 + valueBytes), casOffset: 0, from: 8, to: 8 + valueBytes };
  }

  it('with the status of a failure fails each kind of request', () => {
    const commands = [
      new GetCommand(['k'], call),
      new SetCommand([['k', 'v']], 0, call),
      new DeleteCommand(['k'], call),
    ];
    for (const command of [...commands, incr]) {
      for (const status of [Status.busy, Status.temporaryFailure]) {
        expect(command.receive(0, response(status, 0))).toMatchObject({
          code: 'UNAVAILABLE',
          options: { applied: 'no' },
        });
      }
      expect(command.receive(0, response(0x84, 0))).toMatchObject({
        code: 'BACKEND',
        options: { cause: { code: '0x0084' } },
      });
    }
  });

  it.each([
    [Status.notFound, 'missing'],
    [Status.exists, 'changed'],
    [Status.notStored, 'raced'],
    [Status.notNumeric, 'not a number'],
  ] as const)('with status %i means that a counter is %s', (status, outcome) => {
    expect(incr.receive(0, response(status, 0))).toBeUndefined();
    expect(incr.answer).toEqual({ outcome });
  });

  it('with a counter that has not eight bytes is BACKEND', () => {
    for (const size of [0, 7, 9]) expect(incr.receive(0, response(Status.ok, size))).toMatchObject({ code: 'BACKEND' });
    expect(incr.receive(0, response(Status.ok, 8))).toBeUndefined();
  });
});

describe('the parser', () => {
  /** An answer with a value; extras and key as given. */
  function answer(opaque: number, value: string, extras = 0, key = 0): Buffer {
    const bytes = Buffer.alloc(24 + extras + key + value.length, 0x2e);
    bytes.writeUInt32BE(0x81000000 + key, 0);
    bytes.writeUInt32BE(extras * 0x1000000, 4);
    bytes.writeUInt32BE(extras + key + value.length, 8);
    bytes.writeUInt32BE(opaque, 12);
    bytes.write(value, 24 + extras + key);
    return bytes;
  }
  const stream = Buffer.concat([answer(1, 'one', 4), answer(2, ''), answer(3, 'three', 4, 3)]);
  const expected = ['1 one', '2 ', '3 three'];

  function parse(chunks: readonly Buffer[]): string[] {
    const parser = new Parser();
    const found: string[] = [];
    for (const chunk of chunks) {
      // As a socket hands it over: the bytes are another's afterwards.
      const lent = Buffer.from(chunk);
      parser.read(lent, ({ opaque, bytes, from, to }) => found.push(`${opaque} ${bytes.toString('utf8', from, to)}`));
      lent.fill(0);
    }
    return found;
  }

  it('finds the same frames however they are split', () => {
    for (let one = 0; one <= stream.length; one++) {
      for (let two = one; two <= stream.length; two++) {
        const chunks = [stream.subarray(0, one), stream.subarray(one, two), stream.subarray(two)];
        expect(parse(chunks)).toEqual(expected);
      }
    }
    expect(parse(Array.from(stream, (byte) => Buffer.of(byte)))).toEqual(expected);
  });

  it('throws for bytes that are no response', () => {
    expect(() => parse([Buffer.alloc(24)])).toThrow('not a response');
    const short = answer(1, '', 4);
    short.writeUInt32BE(3, 8);
    expect(() => parse([short])).toThrow('not a response');
    // More than an item may have.
    const long = answer(1, '');
    long.writeUInt32BE(2 ** 31, 8);
    expect(() => parse([long])).toThrow('not a response');
  });
});

describe('requests in flight', () => {
  const call = { deadline: 0, ended: false, sent: true };
  const bytes = Buffer.alloc(0);

  function request(size: number, received: number[]): Request {
    const receive = (index: number): boolean => {
      received.push(index);
      return index === size - 1;
    };
    return { call, size, encode: () => bytes, receive, fail: () => undefined };
  }

  function answer(opaque: number) {
    return { opaque, status: 0, bytes, casOffset: 0, from: 0, to: 0 };
  }

  it('receive their responses by opaques that wrap around after 2^32', () => {
    const inFlight = new InFlightRequests();
    const received: number[] = [];
    expect(inFlight.add(request(2 ** 32 - 2, []))).toBe(0);
    inFlight.receive(answer(2 ** 32 - 3));
    expect(inFlight.length).toBe(0);
    expect(inFlight.add(request(4, received))).toBe(2 ** 32 - 2);
    expect(inFlight.add(request(1, received))).toBe(2);
    for (const opaque of [2 ** 32 - 1, 0, 1, 2]) inFlight.receive(answer(opaque));
    expect(received).toEqual([1, 2, 3, 0]);
    expect(inFlight.length).toBe(0);
  });

  it('refuse responses that are unrequested, repeated, backwards or early', () => {
    const inFlight = new InFlightRequests();
    expect(() => inFlight.receive(answer(0))).toThrow('nobody');
    inFlight.add(request(4, []));
    inFlight.add(request(1, []));
    inFlight.receive(answer(1));
    for (const opaque of [1, 0, 4, 5, 2 ** 32 - 1])
      expect(() => inFlight.receive(answer(opaque))).toThrow('something else');
    inFlight.receive(answer(3));
    inFlight.receive(answer(4));
    expect(inFlight.length).toBe(0);
  });
});

it('a queue keeps its order, however long it gets', () => {
  const queue = new Queue<number>();
  const out: (number | undefined)[] = [];
  for (let item = 0; item < 10_000; item++) {
    queue.push(item);
    if (item % 3 !== 0) out.push(queue.shift());
  }
  expect(queue.first).toBe(out.length);
  while (queue.length > 0) out.push(queue.shift());
  expect(out).toEqual(Array.from({ length: 10_000 }, (_, index) => index));
  expect([queue.shift(), queue.first, queue.clear()]).toEqual([undefined, undefined, []]);
  for (const item of [1, 2, 3]) queue.push(item);
  expect([queue.shift(), queue.clear(), queue.length]).toEqual([1, [2, 3], 0]);
});

it('a queue that is never empty does not keep what has left it', async () => {
  const queue = new Queue<object>();
  const left: WeakRef<object>[] = [];
  queue.push({});
  for (let item = 0; item < 10_000; item++) {
    queue.push({});
    left.push(new WeakRef(queue.shift() as object));
  }
  await expect.poll(() => keptOf(left)).toBeLessThan(left.length / 2);
  expect(queue.length).toBe(1);
});
