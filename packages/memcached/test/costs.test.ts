import type { CacheBackend } from '@ninefold/core';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { memcachedBackend } from '../src/memcached.ts';

let server: ServerProcess;
let proxies: readonly FaultProxy[];
let backend: CacheBackend;

beforeAll(async () => {
  server = await startMemcached(['-m', '512']);
  // Three proxies of one server count as three servers.
  proxies = await Promise.all([1, 2, 3].map(() => FaultProxy.start(server)));
  backend = memcachedBackend({ servers: `127.0.0.1:${first().port}`, namespace: 'costs', timeoutMs: 30_000 });
  await backend.setValue('k', 1);
});

afterAll(async () => {
  await backend.close();
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  await server.stop();
});

beforeEach(async () => {
  for (const proxy of proxies) {
    await proxy.set(undefined);
    proxy.counts = { segments: 0, rounds: 0 };
  }
});

function first(): FaultProxy {
  return proxies[0] as FaultProxy;
}

const pairs = Array.from({ length: 100 }, (_, index): [string, unknown] => [`k${index}`, { index, name: 'Ada' }]);
const keys = pairs.map(([key]) => key);

describe('what an operation costs', () => {
  const costs: [string, () => Promise<unknown>][] = [
    ['getValue', () => backend.getValue('k')],
    ['setValue', () => backend.setValue('k', 1)],
    ['setValue with a TTL', () => backend.setValue('k', 1, { ttl: 60 })],
    ['exists', () => backend.exists('k')],
    ['delete', () => backend.delete('k')],
    ['incr that creates', () => backend.incr('n', 1, { ttl: 60 })],
    ['incr', () => backend.incr('n')],
    ['a batch of 100 sets', () => backend.multiSetValues(pairs)],
    ['a batch of 100 sets with a TTL', () => backend.multiSetValues(pairs, { ttl: 60 })],
    ['a batch of 100 reads', () => backend.multiGetValues(keys)],
    ['a batch of 100 deletes', () => backend.deleteMany(keys)],
    ['1,000 reads in one tick', () => Promise.all(Array.from({ length: 1000 }, () => backend.getValue('k')))],
    [
      'all kinds of calls in one tick',
      () =>
        Promise.all([backend.setValue('a', 1), backend.getValue('a'), backend.incr('b'), backend.multiGetValues(keys)]),
    ],
    [
      'calls of one tick that takes more than a second',
      () => {
        const early = backend.getValue('k');
        const end = performance.now() + 1200;
        while (performance.now() < end);
        return Promise.all([early, backend.getValue('k')]);
      },
    ],
  ];
  for (const [operation, call] of costs) {
    it(`is one write and one round trip for ${operation}`, async () => {
      await call();
      expect(first().counts).toEqual({ segments: 1, rounds: 1 });
    });
  }

  it('is one round trip for a batch of 1,000 items and 1 MB', async () => {
    // Delays responses until the whole batch has been sent.
    await first().set({ kind: 'delay', delayMs: 300 });
    const large = Array.from({ length: 1000 }, (_, index): [string, string] => [`l${index}`, 'x'.repeat(1000)]);
    await backend.multiSetValues(large);
    expect(first().counts.rounds).toBe(1);
    expect(await backend.multiGetValues(large.map(([key]) => key))).toEqual(large.map(([, value]) => value));
    expect(first().counts.rounds).toBe(2);
  });

  it('is one write per server, in parallel', async () => {
    const three = memcachedBackend({
      servers: proxies.map(({ port }) => `127.0.0.1:${port}`),
      namespace: 'three',
      timeoutMs: 10_000,
    });
    await three.multiSetValues(pairs);
    for (const proxy of proxies) Object.assign(proxy, { counts: { segments: 0, rounds: 0 } });
    expect(await three.multiGetValues(keys)).toEqual(pairs.map(([, value]) => value));
    await three.multiSetValues(pairs);
    expect(proxies.map(({ counts }) => counts)).toEqual(proxies.map(() => ({ segments: 2, rounds: 2 })));
    await three.close();
  });
});

describe('a large batch', () => {
  it('of 100,000 keys is stored, read and deleted', async () => {
    const many = Array.from({ length: 100_000 }, (_, index): [string, unknown] => [`m${index}`, { index }]);
    const names = many.map(([key]) => key);
    await backend.multiSetValues(many, { ttl: 600 });
    const values = (await backend.multiGetValues(names)) as { index: number }[];
    expect(values.findIndex((value, index) => value?.index !== index)).toBe(-1);
    expect(await backend.deleteMany(names)).toBe(100_000);
  });

  it('does not delay a call that is made meanwhile', async () => {
    const bare = memcachedBackend({
      servers: `${server.host}:${server.port}`,
      namespace: 'bare',
      timeoutMs: 30_000,
      serializer: { serialize: String, deserialize: (text) => text },
    });
    const text = 'x'.repeat(1_000_000);
    await bare.setValue('k', 'v');
    const order: string[] = [];
    const texts = Array.from({ length: 50 }, (_, index): [string, string] => [`t${index}`, text]);
    const batch = bare.multiSetValues(texts).then(() => order.push('batch'));
    const call = bare.getValue('k').then(() => order.push('call'));
    await Promise.all([batch, call]);
    expect(order).toEqual(['call', 'batch']);
    await bare.close();
  });
});
