import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { type FaultLab, type FaultRule, faults, runFaultRule } from '@ninefold/core/conformance';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { listen } from '@ninefold/tooling/servers/listen';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { tryFaults } from '@ninefold/tooling/testing/try-faults';
import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis-5';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { redisBackend } from '../src/redis.ts';

const PASSWORD = 's3cretPassword';

let proxy: FaultProxy;
let lab: FaultLab;
let url: string;
let stop: () => Promise<void>;

beforeAll(async () => {
  const server = await startRedis(['--requirepass', PASSWORD]);
  proxy = await FaultProxy.start(server);
  url = `redis://:${PASSWORD}@127.0.0.1:${proxy.port}`;
  lab = {
    create: (options) => redisBackend({ url, ...options }),
    direct: (options) => redisBackend({ url: `redis://:${PASSWORD}@127.0.0.1:${server.port}`, ...options }),
    set: (fault) => proxy.set(fault),
    inspect: (error) => inspect(error, { depth: 9, showHidden: true }),
    secrets: [PASSWORD],
  };
  stop = async () => {
    await proxy.stop();
    await server.stop();
  };
});

afterAll(() => stop());

tryFaults('redis', () => lab);

it('leaves a connection whose reply arrives too slowly to its calls, and ends it once these have settled', async () => {
  const backend = lab.create({ timeoutMs: 200 });
  await backend.setValue('k', 'v'.repeat(1000));
  await proxy.set({ kind: 'drip' });
  // Sampled in every turn of the event loop, so that a busy machine misses none.
  const links = new Set<number>();
  const look = setInterval(() => links.add(proxy.links), 1);
  await expect(backend.getValue('k')).rejects.toMatchObject({ code: 'TIMEOUT' });
  await vi.waitFor(() => backend.getValue('k'), { timeout: 10_000 });
  await vi.waitFor(() => expect(proxy.links).toBe(1), { timeout: 10_000 });
  clearInterval(look);
  expect([...links]).toEqual([1, 2]);
  await backend.getValue('k');
  await backend.close();
});

it('ends a connection whose server stays silent', async () => {
  const backend = lab.create({ timeoutMs: 200 });
  await backend.setValue('k', 1);
  await proxy.set({ kind: 'silence' });
  await expect(backend.incr('n')).rejects.toMatchObject({ code: 'TIMEOUT', maybeApplied: true });
  await vi.waitFor(() => expect(proxy.links).toBe(0), { timeout: 10_000 });
  await proxy.set(undefined);
  expect(await backend.getValue('k')).toBe(1);
  await backend.close();
});

/** A relay to the server whose first connection is served by `serve`. */
async function startRelay(serve: (client: Socket, upstream: Socket) => void): Promise<Server> {
  let links = 0;
  const relay = createServer((client) => {
    links += 1;
    const upstream = connect(proxy.port, '127.0.0.1');
    client.pipe(upstream);
    if (links > 1) upstream.pipe(client);
    else serve(client, upstream);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on('error', () => undefined);
      socket.on('close', () => other.destroy());
    }
  });
  await listen(relay);
  return relay;
}

it('gives up a connection whose handshake arrives too slowly', async () => {
  const relay = await startRelay((client) => {
    client.write('+');
    const drip = setInterval(() => client.write('.'), 20);
    client.on('close', () => clearInterval(drip));
  });
  const { port } = relay.address() as AddressInfo;
  const backend = redisBackend({ url: `redis://:${PASSWORD}@127.0.0.1:${port}`, timeoutMs: 400 });
  await expect(backend.getValue('k')).rejects.toMatchObject({ code: 'TIMEOUT' });
  await vi.waitFor(() => backend.exists('k'), { timeout: 10_000 });
  await backend.close();
  relay.close();
});

it('rejects the calls that wait for an interrupted handshake as not sent', async () => {
  const relay = await startRelay((client, upstream) => {
    // Passes the first reply of the handshake, and no other.
    upstream.once('data', (bytes) => client.write(bytes.subarray(0, bytes.indexOf('\n') + 1)));
  });
  let links = 0;
  relay.on('connection', () => {
    links += 1;
  });
  const { port } = relay.address() as AddressInfo;
  const backend = redisBackend({ url: `redis://:${PASSWORD}@127.0.0.1:${port}/2`, timeoutMs: 1000 });
  const write = (call: number): Promise<unknown>[] => [
    backend.setValue('k', call),
    backend.multiSetValues([['k', call]], { ttl: 60 }),
    backend.deleteMany(['k', 'l']),
    backend.incr('n'),
  ];
  const failures: unknown[] = [];
  let later = 0;
  const writes: Promise<unknown>[] = [];
  for (let call = 0; call < 25; call++) {
    for (const each of write(call))
      writes.push(
        each.catch((error: unknown) => {
          // On the second link calls are sent, which the server may be slow to answer.
          if (links > 1) later += 1;
          else failures.push(error);
        }),
      );
    await sleep(60);
  }
  await Promise.all(writes);
  expect(failures.length).toBeGreaterThan(0);
  for (const failure of failures) expect(failure).toMatchObject({ maybeApplied: false });
  await vi.waitFor(() => backend.setValue('k', 'after'), { timeout: 30_000 });
  if (later === 0) expect(links).toBe(2);
  await backend.close();
  relay.close();
});

interface Settings {
  readonly maxRetriesPerRequest?: number;
  readonly autoResendUnfulfilledCommands?: boolean;
}

const clients: [string, (options: Settings) => Redis | Redis5][] = [
  ['6', (options) => new Redis(url, options)],
  ['5', (options) => new Redis5(url, options)],
];

describe.each(clients)('a provided client of ioredis %s', (_, make) => {
  const lost = faults.filter(({ id }) => /^faults\/(reply|request)-lost-(rst|fin)$/.test(id));

  async function tryRule(rule: FaultRule, options: Settings): Promise<void> {
    const client = make(options);
    client.on('error', () => undefined);
    try {
      await runFaultRule(rule, { ...lab, create: (given) => redisBackend({ client, ...given }) });
    } finally {
      client.disconnect();
    }
  }

  it('counts an increment twice with its defaults', async () => {
    const broken = lost.filter(({ id }) => id.startsWith('faults/reply'));
    expect(broken.length).toBe(2);
    for (const rule of broken) await expect(tryRule(rule, {})).rejects.toThrow('it resolved 12');
  });

  it('counts it once with the settings of the README', async () => {
    expect(lost.length).toBe(4);
    for (const rule of lost) await tryRule(rule, { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false });
  });
});
