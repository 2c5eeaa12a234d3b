import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { CacheError } from '@ninefold/core';
import { memoryBackend } from '@ninefold/memory';
import { expect, it } from 'vitest';
import { type CacheEvent, createCache } from '../src/cache.ts';
import { held } from './support/held.ts';
import { ManualClock, settled } from './support/manual-clock.ts';
import { pending } from './support/pending.ts';

it('the listener receives each call, load and wait once it has settled, with its hits, duration and error', async () => {
  const clock = new ManualClock();
  const backend = memoryBackend({ now: clock.now });
  const events: CacheEvent[] = [];
  const cache = createCache(backend, { clock, listener: (event) => events.push(event), random: () => 0 });
  const told = () =>
    events.splice(0).map(({ operation, keys, hits, durationMs, error }) => [operation, keys, hits, durationMs, error]);

  await cache.set('a', 1);
  await cache.getOrSet('a', () => 2);
  await cache.getMany(['a', 'b']);
  await cache.has('b');
  await cache.get('a');
  await cache.getMany(['a', 'b', 'c']);
  await cache.getOrSetMany(['a', 'a'], () => []);
  expect(new Set(events.map((event) => event.backend))).toEqual(new Set(['memory']));
  expect(told()).toEqual([
    ['set', 1, undefined, 0, undefined],
    ['getOrSet', 1, 1, 0, undefined],
    ['getMany', 2, 1, 0, undefined],
    ['has', 1, 0, 0, undefined],
    ['get', 1, 1, 0, undefined],
    ['getMany', 3, 1, 0, undefined],
    ['getOrSetMany', 2, 2, 0, undefined],
  ]);

  const slow = pending<number>();
  const loading = cache.getOrSet('b', () => slow.promise);
  await clock.advance(40);
  const waiting = createCache(backend, { clock, listener: (event) => events.push(event), random: () => 0 }).getOrSet(
    'b',
    () => 3,
  );
  await clock.advance(4);
  slow.resolve(2);
  await loading;
  await clock.advance(100);
  expect(await waiting).toBe(2);
  expect(told()).toEqual([
    ['load', 1, undefined, 44, undefined],
    ['getOrSet', 1, 0, 44, undefined],
    ['wait', 1, undefined, 5, undefined],
    ['getOrSet', 1, 1, 5, undefined],
  ]);

  const error = new Error('no');
  await expect(cache.getOrSet('c', () => Promise.reject(error))).rejects.toBe(error);
  expect(told()).toEqual([
    ['load', 1, undefined, 0, error],
    ['getOrSet', 1, undefined, 0, error],
  ]);
  await cache.invalidateTags('t', 'u');
  await cache.setMany(new Map([['a', 1]]));
  await cache.deleteMany(['a', 'b']);
  await cache.delete('a');
  await cache.incr('n');
  await cache.clear();
  await cache.close();
  expect(told().map(([operation, keys]) => [operation, keys])).toEqual([
    ['invalidateTags', 2],
    ['setMany', 1],
    ['deleteMany', 2],
    ['delete', 1],
    ['incr', 1],
    ['clear', 0],
    ['close', 0],
  ]);
});

it('exceptions of listener and onError are raised as uncaught errors and leave the call alone', async () => {
  const raised: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => raised.push(error));
  const [ofListener, ofOnError] = [new Error('of the listener'), new Error('of onError')];
  const fail = (error: Error) => (): never => {
    throw error;
  };
  try {
    expect(await createCache(memoryBackend(), { listener: fail(ofListener) }).get('k')).toBeUndefined();
    const down = held(memoryBackend(), (operation) =>
      Promise.reject(
        new CacheError({ code: 'UNAVAILABLE', backend: 'memory', operation: operation as 'incr', reason: 'down' }),
      ),
    );
    expect(await createCache(down, { onError: fail(ofOnError) }).getOrSet('k', () => 1)).toBe(1);
    await settled();
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
  expect(raised).toEqual([ofListener, ofOnError]);
});

it('the listener and the loaders run in the asynchronous context of their call, a shared load in that of its first', async () => {
  const context = new AsyncLocalStorage<string>();
  const seen: string[] = [];
  const see = (what: string): void => void seen.push(`${context.getStore()} ${what}`);
  const loader = (of: string) => async () => {
    see(`runs the loader of ${of}`);
    await turn();
    return 1;
  };
  const cache = createCache(memoryBackend(), {
    listener: ({ operation, keys }) => see(`ends ${operation} of ${keys}`),
  });
  const callers = ['Ann', 'Bob'];
  await Promise.all(
    callers.map((name) =>
      context.run(name, async () => {
        await cache.getOrSet('shared', loader('shared'));
        await cache.getOrSetMany([name, 'of both'], async (keys) => {
          see('runs a batch');
          return [...keys].map(() => 1);
        });
        await cache.delete(name);
      }),
    ),
  );
  const ofEach = ['runs a batch', 'ends load of 1', 'ends getOrSet of 1', 'ends getOrSetMany of 2', 'ends delete of 1'];
  expect(new Set(seen)).toEqual(
    new Set(['Ann runs the loader of shared', ...callers.flatMap((name) => ofEach.map((what) => `${name} ${what}`))]),
  );
  await context.run('Ann', () => cache.close());
  expect(seen.at(-1)).toBe('Ann ends close of 0');
});
