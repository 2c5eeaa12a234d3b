import type { CacheBackend } from '@ninefold/core';
import { memoryBackend } from '@ninefold/memory';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Cache, createCache } from '../src/cache.ts';
import { type Hold, held } from './support/held.ts';
import { ManualClock, settled } from './support/manual-clock.ts';
import { pending } from './support/pending.ts';

let clock: ManualClock;
let memory: CacheBackend;
let hold: Hold;
let cache: Cache;

describe('a load of a new key is shared', () => {
  let loads: number;
  const load = async (): Promise<never> => {
    loads += 1;
    throw new Error('no such user');
  };

  beforeEach(() => {
    loads = 0;
    clock = new ManualClock();
    memory = memoryBackend({ now: clock.now });
    hold = () => undefined;
    cache = createCache(
      held(memory, (...call) => hold(...call)),
      { clock },
    );
  });

  it('by a caller that comes while its counters are being created', async () => {
    const made = pending<void>();
    hold = (operation, [name]) => (operation === 'incr' && name === '!e:k' ? made.promise : undefined);
    const calls = [cache.getOrSet('k', load)];
    await settled();
    calls.push(cache.getOrSet('k', load));
    await settled();
    made.resolve();
    expect((await Promise.allSettled(calls)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(loads).toBe(1);
  });

  it('by a caller that read before its counters were created, and then finds the load in flight', async () => {
    const [made, looked] = [pending<void>(), pending<void>()];
    const looks = [undefined, made.promise, looked.promise];
    hold = (operation) => (operation === 'multiGetValues' ? looks.shift() : undefined);
    const slow = pending<string>();
    const calls = [cache.getOrSet('k', () => slow.promise)];
    await settled();
    calls.push(cache.getOrSet('k', load));
    await settled();
    made.resolve();
    await settled();
    looked.resolve();
    await settled();
    slow.resolve('value');
    expect(await Promise.all(calls)).toEqual(['value', 'value']);
  });

  it('even while another process holds its lease', async () => {
    await memory.incr('!l:k', 1, { ttl: 1 });
    const operations: string[] = [];
    const waiting = createCache(memory, { clock, listener: ({ operation }) => operations.push(operation) });
    const calls = [waiting.getOrSet('k', () => 'value')];
    await settled();
    calls.push(waiting.getOrSet('k', load));
    await clock.advance(2000);
    expect(await Promise.all(calls)).toEqual(['value', 'value']);
    expect(operations).toEqual(['wait', 'load', 'getOrSet', 'getOrSet']);
  });
});
