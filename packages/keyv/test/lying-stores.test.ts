import KeyvRedis from '@keyv/redis';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { KeyvMemoryAdapter } from 'keyv';
import { describe, expect, it } from 'vitest';
import { keyvBackend } from '../src/keyv.ts';

describe('a store with wrong answers', () => {
  it('never makes the entry of one key the value of another', async () => {
    const store = new Map<string, string>();
    const cache = keyvBackend({ store });
    await cache.multiSetValues([
      ['a', 'of a'],
      ['a|b', 'of a|b'],
    ]);
    const lying = keyvBackend({
      store: {
        get: () => store.get('a|b'),
        getMany: () => [store.get('a|b'), store.get('a')],
        set: () => undefined,
        delete: () => true,
      },
    });
    for (const call of [lying.getValue('a'), lying.multiGetValues(['a', 'a|b']), lying.exists('a'), lying.delete('a')])
      expect(await failureOf(call)).toMatchObject({ code: 'BACKEND', retryable: true, key: 'a' });
    expect(await lying.getValue('a|b')).toBe('of a|b');
  });

  it('rejects a batch with its first key, if it fails or returns something else than one value per key', async () => {
    for (const getMany of [() => 'none', () => [], () => [undefined], () => [undefined, undefined, undefined]]) {
      const lying = keyvBackend({ store: Object.assign(new Map(), { getMany }) });
      expect(await failureOf(lying.multiGetValues(['a', 'b']))).toMatchObject({ code: 'BACKEND', key: 'a' });
    }
    const fails = () => Promise.reject(new TypeError('s3cret'));
    const throws = () => {
      throw 's3cret';
    };
    for (const [ways, name] of [
      [{ getMany: fails }, 'TypeError'],
      [{ get: fails }, 'TypeError'],
      [{ get: throws }, 'string'],
    ] as const) {
      const failing = keyvBackend({ store: Object.assign(new Map(), ways) });
      const failure = await failureOf(failing.multiGetValues(['a', 'b']), ['s3cret']);
      expect(failure).toMatchObject({ code: 'UNAVAILABLE', key: 'a', cause: { name } });
    }
  });

  it('may return null for a miss, and false if it stored nothing', async () => {
    const store = { get: () => null, set: () => false, delete: () => false };
    for (const ways of [{}, { getMany: () => [null, null] }]) {
      const cache = keyvBackend({ store: { ...store, ...ways } });
      expect(await cache.multiGetValues(['a', 'b'])).toEqual([undefined, undefined]);
      expect([await cache.getValue('a'), await cache.exists('a'), await cache.delete('a')]).toEqual([
        undefined,
        false,
        0,
      ]);
      expect(await failureOf(cache.setValue('a', 1))).toMatchObject({ code: 'BACKEND', maybeApplied: true });
    }
  });

  it('is KeyvRedis after it has connected twice at the same time', async () => {
    const server = await startRedis();
    const proxy = await FaultProxy.start(server);
    await proxy.set({ kind: 'delay', delayMs: 20 });
    // It times out connecting before the server can answer, and connects again while the first attempt is pending.
    const store = new KeyvRedis<string>(`redis://127.0.0.1:${proxy.port}`, {
      throwOnErrors: true,
      connectionTimeout: 15,
    });
    store.on('error', () => undefined);
    const direct = new KeyvRedis<string>(`redis://${server.host}:${server.port}`);
    const [cache, writer] = [keyvBackend({ store }), keyvBackend({ store: direct })];
    const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
    await writer.multiSetValues(keys.map((key) => [key, `of ${key}`] as const));
    const failures = new Set<unknown>();
    const reader = async (first: number): Promise<void> => {
      for (let at = first; at < first + 60; at++) {
        const key = keys[at % keys.length] as string;
        const value = await cache.getValue(key).catch((error: unknown) => void failures.add((error as Error).message));
        if (value !== undefined) expect(value).toBe(`of ${key}`);
      }
    };
    await Promise.all(Array.from({ length: 20 }, (_, index) => reader(5 * index)));
    expect([...failures].join()).toContain('the entry of another key');
    expect(await ask(server, 'DBSIZE')).toBe('100');
    await Promise.all([store.disconnect(true), direct.disconnect()]);
    await proxy.stop();
    await server.stop();
  });
});

it('passes each TTL to the store, in milliseconds, rounded up', async () => {
  const told: unknown[] = [];
  const set = (_key: string, _value: string, ttlMs?: number) => told.push(ttlMs);
  for (const capabilities of [undefined, { expires: false }]) {
    const cache = keyvBackend({ store: Object.assign(new Map(), { set, capabilities }) });
    for (const ttl of [60, 0.0015, 0.000001, undefined]) await cache.setValue('k', 1, { ttl });
    expect(told.splice(0)).toEqual([60_000, 2, 1, undefined]);
  }
});

it('tells an adapter of Keyv 6 when an entry expires, which is not before its TTL has passed', async () => {
  const entries = new Map<string, { readonly expires?: number }>();
  const cache = keyvBackend({ store: new KeyvMemoryAdapter(entries) });
  for (const [ttl, ttlMs] of [
    [60, 60_000],
    [60.0001, 60_001],
  ] as const) {
    const begin = Date.now();
    await cache.setValue('k', 'v', { ttl });
    const expires = entries.get('k')?.expires;
    // A part of the present millisecond has passed.
    expect(expires).toBeGreaterThan(begin + ttlMs);
    expect(expires).toBeLessThanOrEqual(Date.now() + ttlMs + 1);
    expect(await cache.getValue('k')).toBe('v');
  }
  await cache.setValue('k', 'w');
  expect(entries.get('k')?.expires).toBeUndefined();
  expect(await cache.getValue('k')).toBe('w');
});

it('keeps an entry for its whole TTL, even of a millisecond', async () => {
  const cache = keyvBackend({ store: new Map() });
  let early = 0;
  for (let round = 0; round < 2000; round++) {
    const begin = performance.now();
    await cache.setValue('k', round, { ttl: 0.001 });
    const value = await cache.getValue('k');
    if (value === undefined && performance.now() - begin < 1) early += 1;
  }
  expect(early).toBe(0);
});

it('reports a delete as not applied if its reads failed or did not end, and otherwise as maybe applied', async () => {
  const fails = (): Promise<never> => Promise.reject(new Error('down'));
  const hangs = (): Promise<never> => new Promise(() => undefined);
  const store = new Map();
  const stores: [object, string, boolean][] = [
    [{ get: fails, delete: fails }, 'UNAVAILABLE', false],
    [{ get: hangs }, 'TIMEOUT', false],
    [{ get: () => undefined, delete: fails }, 'UNAVAILABLE', true],
    [{ get: () => undefined, delete: hangs }, 'TIMEOUT', true],
    [{ get: (key: string) => (key === 'a' ? fails() : undefined), delete: () => true }, 'UNAVAILABLE', true],
  ];
  for (const [ways, code, maybeApplied] of stores) {
    const cache = keyvBackend({ store: Object.assign(store, ways), timeoutMs: 50 });
    expect(await failureOf(cache.deleteMany(['a', 'b']))).toMatchObject({ code, maybeApplied });
  }
});

it('sends nothing more to a store for a call that has rejected', async () => {
  const asked: string[] = [];
  let answer: (stored: undefined) => void = () => undefined;
  const slow = (method: string) => (key: string) => {
    asked.push(`${method} ${key}`);
    return new Promise<undefined>((resolve) => {
      answer = resolve;
    });
  };
  const store = Object.assign(new Map(), { get: slow('get'), delete: slow('delete') });
  const cache = keyvBackend({ store, timeoutMs: 50 });
  expect(await failureOf(cache.delete('k'))).toMatchObject({ code: 'TIMEOUT', maybeApplied: false });
  answer(undefined);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(asked).toEqual(['get k']);
});
