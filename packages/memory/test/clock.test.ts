import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { memoryBackend } from '../src/memory.ts';

const DAY = 24 * 60 * 60;

function clocked(start: number) {
  const clock = { time: start };
  return { clock, cache: memoryBackend({ now: () => clock.time }) };
}

describe('a TTL', () => {
  it('ends to the millisecond, for every operation, whatever the clock begins at', async () => {
    for (const start of [0, 1, -5000, 1_767_225_600_000, 123.456]) {
      const { clock, cache } = clocked(start);
      await cache.setValue('k', 'v', { ttl: 1 });
      clock.time = start + 999;
      expect(await cache.getValue('k')).toBe('v');
      clock.time = start + 1000;
      expect(await cache.getValue('k')).toBeUndefined();

      const keys = ['get', 'exists', 'many', 'delete', 'deleteMany', 'incr'];
      await cache.multiSetValues(
        keys.map((key) => [key, 7]),
        { ttl: 1 },
      );
      clock.time += 1000;
      expect(await cache.exists('exists')).toBe(false);
      expect(await cache.multiGetValues(['many'])).toEqual([undefined]);
      expect(await cache.delete('delete')).toBe(0);
      expect(await cache.deleteMany(['deleteMany', 'get'])).toBe(0);
      expect(await cache.incr('incr')).toBe(1);
      expect(cache.stats()).toEqual({ entries: 1, bytes: 4 + 8 + 128, evictions: 0 });
    }
  });

  it('is rounded up to the next millisecond, and never to 0', async () => {
    for (const [ttl, alive] of [
      [1e-9, 0],
      [0.0001, 0],
      [0.001, 0],
      [0.0011, 1],
      [0.4, 399],
      [1.5, 1499],
      [1.0005, 1000],
    ] as const) {
      const { clock, cache } = clocked(0);
      await cache.setValue('k', 'v', { ttl });
      clock.time = alive;
      expect([ttl, await cache.exists('k')]).toEqual([ttl, true]);
      clock.time = alive + 1;
      expect([ttl, await cache.exists('k')]).toEqual([ttl, false]);
    }
  });

  it('may be days and years', async () => {
    for (const ttl of [2 ** 31 / 1000, 30 * DAY, 30 * DAY + 1, 45 * DAY, 366 * DAY, 3652 * DAY, 1_000_000_000]) {
      const { clock, cache } = clocked(1000);
      await cache.setValue('k', 'v', { ttl });
      clock.time = 1000 + Math.ceil(ttl * 1000) - 1;
      expect(await cache.getValue('k')).toBe('v');
      clock.time += 1;
      expect(await cache.getValue('k')).toBeUndefined();
    }
  });

  it('is not extended by a read', async () => {
    const { clock, cache } = clocked(0);
    await cache.setValue('k', 'v', { ttl: 1 });
    for (clock.time = 0; clock.time < 1000; clock.time += 100) {
      expect(await cache.getValue('k')).toBe('v');
      expect(await cache.multiGetValues(['k'])).toEqual(['v']);
      expect(await cache.exists('k')).toBe(true);
    }
    expect(await cache.exists('k')).toBe(false);
  });

  it('is removed with the value that a set replaces', async () => {
    const { clock, cache } = clocked(0);
    await cache.multiSetValues(
      new Map([
        ['gone', 'v'],
        ['kept', 'v'],
        ['shorter', 'v'],
      ]),
      { ttl: 10 },
    );
    await cache.setValue('kept', 'v');
    await cache.setValue('shorter', 'v', { ttl: 1 });
    clock.time = 1000;
    expect(await cache.multiGetValues(['gone', 'kept', 'shorter'])).toEqual(['v', 'v', undefined]);
    clock.time = 10_000;
    expect(await cache.multiGetValues(['gone', 'kept', 'shorter'])).toEqual([undefined, 'v', undefined]);
  });

  it('is kept by incr, which applies its own only to the counter that it creates', async () => {
    const { clock, cache } = clocked(0);
    await cache.incr('created', 1, { ttl: 1 });
    await cache.setValue('stored', 41, { ttl: 1 });
    await cache.setValue('lasting', 41);
    clock.time = 500;
    for (const key of ['created', 'stored', 'lasting']) await cache.incr(key, 1, { ttl: 60 });
    clock.time = 999;
    expect(await cache.multiGetValues(['created', 'stored', 'lasting'])).toEqual([2, 42, 42]);
    clock.time = 1000;
    expect(await cache.multiGetValues(['created', 'stored', 'lasting'])).toEqual([undefined, undefined, 42]);
    expect(await cache.incr('created')).toBe(1);
    clock.time = 1e9;
    expect(await cache.multiGetValues(['created', 'lasting'])).toEqual([1, 42]);
  });

  it('may be the first in a cache with many entries without a TTL', async () => {
    const { clock, cache } = clocked(0);
    await cache.multiSetValues(Array.from({ length: 5000 }, (_, index) => [`${index}`, index]));
    await cache.setValue('mortal', 'v', { ttl: 1 });
    await cache.setValue('4999', 'v', { ttl: 2 });
    clock.time = 1000;
    expect(await cache.multiGetValues(['0', '4999', 'mortal'])).toEqual([0, 'v', undefined]);
    expect(cache.stats().entries).toBe(5000);
  });
});

describe('the clock', () => {
  it('is monotonic by default: the wall clock does not count', async () => {
    const cache = memoryBackend();
    await cache.setValue('k', 'v', { ttl: 60 });
    const wall = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 366 * DAY * 1000);
    try {
      expect(await cache.getValue('k')).toBe('v');
    } finally {
      wall.mockRestore();
    }
  });

  it('is read by every read, even after the event loop has stalled past the expiry', async () => {
    const cache = memoryBackend();
    await cache.setValue('k', 'v', { ttl: 0.25 });
    expect(await cache.getValue('k')).toBe('v');
    const stalled = performance.now();
    while (performance.now() - stalled < 260);
    expect(await cache.getValue('k')).toBeUndefined();
  });

  it('needs no timer', async () => {
    const timers = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'setInterval')];
    try {
      const cache = memoryBackend();
      await cache.setValue('k', 'v', { ttl: 0.001 });
      await cache.incr('n', 1, { ttl: 60 });
      await cache.multiGetValues(['k', 'n']);
      await cache.exists('k');
      await cache.delete('n');
      cache.stats();
      for (const timer of timers) expect(timer).not.toHaveBeenCalled();
    } finally {
      for (const timer of timers) timer.mockRestore();
    }
  });

  it('lets a process with pending TTLs exit, closed or not', () => {
    const program = fileURLToPath(new URL('support/pending-ttls.ts', import.meta.url));
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--conditions=@ninefold/source', '--import', 'tsx', program],
      { encoding: 'utf8', timeout: 20_000 },
    );
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'v 1 10000\n', stderr: '' });
  });
});
