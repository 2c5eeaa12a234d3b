import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import * as core from '@ninefold/core';
import { describe, expect, expectTypeOf, it } from 'vitest';
import * as memory from '../src/memory.ts';

const { memoryBackend } = memory;

describe('memoryBackend', () => {
  it('takes no options, every option as undefined, and 8,000,000 entries', async () => {
    const options: memory.MemoryBackendOptions = {
      name: undefined,
      namespace: undefined,
      maxEntries: undefined,
      maxBytes: undefined,
      serializer: undefined,
      onUnreadable: undefined,
      errorKeys: undefined,
      now: undefined,
    };
    const most = memoryBackend({ maxEntries: 8_000_000 });
    for (const cache of [memoryBackend(), memoryBackend({}), memoryBackend(Object.freeze(options)), most]) {
      expect(cache.name).toBe('memory');
      await cache.setValue('k', null);
      expect(await cache.getValue('k')).toBeNull();
    }
  });

  it('throws INVALID_OPTIONS for invalid options', () => {
    const counts = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null, 5n];
    const wrong: object[] = [
      ...[...counts, 8_000_001].map((maxEntries) => ({ maxEntries })),
      ...[...counts, 2 ** 53].map((maxBytes) => ({ maxBytes })),
      ...[5, null, {}].map((now) => ({ now })),
      { namespace: 'a b' },
      { onUnreadable: 'ignore' },
    ];
    for (const options of [null, 5, 'memory', ...wrong]) {
      const create = () => memoryBackend(options as memory.MemoryBackendOptions);
      expect(create, inspect(options)).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTIONS', backend: 'memory', operation: 'create' }),
      );
    }
    const named = () => memoryBackend({ name: 'sessions', maxEntries: 0 });
    expect(named).toThrow('[sessions] create: maxEntries must be a whole number from 1 to 8,000,000');
  });

  it('re-exports from core what its users need', () => {
    expect(memory.CacheError).toBe(core.CacheError);
    expect(memory.isCacheError).toBe(core.isCacheError);
    expectTypeOf<memory.MemoryBackend>().toExtend<core.CacheBackend>();
    expectTypeOf<memory.WriteOptions>().toEqualTypeOf<core.WriteOptions>();
  });

  it('keeps its entries to itself', async () => {
    const [one, other] = [memoryBackend({ namespace: 'ns' }), memoryBackend({ namespace: 'ns' })];
    await one.setValue('k', 1);
    expect(await other.exists('k')).toBe(false);
    await other.incr('k', 5);
    expect(await one.getValue('k')).toBe(1);
    expect(one.capabilities.shared).toBe(false);
  });

  it('copies values in and out', async () => {
    const cache = memoryBackend();
    const value = { list: [1, 2], when: new Date(0) };
    const writing = cache.setValue('k', value);
    value.list.push(3);
    await writing;
    const [first, second] = (await cache.multiGetValues<typeof value>(['k', 'k'])) as [typeof value, typeof value];
    first.list.push(4);
    expect(second).toEqual({ list: [1, 2], when: new Date(0) });
    expect(await cache.getValue('k')).toEqual({ list: [1, 2], when: new Date(0) });
  });

  it('changes nothing if incr is refused', async () => {
    const cache = memoryBackend();
    for (const value of ['5', 1.5, null, { n: 1 }, -0]) {
      await cache.setValue('k', value);
      await expect(cache.incr('k')).rejects.toMatchObject({ code: 'NOT_A_COUNTER', key: 'k', maybeApplied: false });
      expect(await cache.getValue('k')).toEqual(value);
    }
    for (const [value, delta] of [
      [Number.MAX_SAFE_INTEGER, 1],
      [-1, -Number.MAX_SAFE_INTEGER],
      [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ] as const) {
      await cache.setValue('k', value);
      await expect(cache.incr('k', delta)).rejects.toMatchObject({
        code: 'COUNTER_RANGE',
        key: 'k',
        maybeApplied: false,
      });
      expect(await cache.getValue('k')).toBe(value);
    }
    expect(await cache.incr('k', -Number.MAX_SAFE_INTEGER)).toBe(0);
    expect(Object.is(await cache.incr('k', -0), 0)).toBe(true);
  });

  it('counts without losing any of many concurrent increments', async () => {
    const cache = memoryBackend();
    const counts = await Promise.all(Array.from({ length: 1000 }, () => cache.incr('n')));
    expect(counts.sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1));
  });

  it('shows neither values nor keys', async () => {
    const cache = memoryBackend({ namespace: 'hidden-namespace' });
    await cache.setValue('hidden-key', 'hidden-value');
    const shown = inspect(cache, { depth: 9, showHidden: true }) + JSON.stringify(cache) + String(cache);
    expect(shown).not.toContain('hidden-');
  });

  it('can be scoped, and the scopes share its bounds', async () => {
    const cache = memoryBackend({ maxEntries: 2 });
    const tenant = core.scoped(cache, 'tenant');
    await tenant.setValue('k', 'theirs');
    await cache.setValue('k', 'ours');
    expect(await cache.multiGetValues(['k', 'tenant:k'])).toEqual(['ours', 'theirs']);
    await tenant.setValue('l', 1);
    expect(cache.stats()).toMatchObject({ entries: 2, evictions: 1 });
    await tenant.close();
    expect(await cache.getValue('tenant:l')).toBe(1);
  });
});

describe('closing', () => {
  it('empties the cache and leaves the statistics', async () => {
    const cache = memoryBackend({ maxEntries: 2 });
    for (const key of ['a', 'b', 'c']) await cache.setValue(key, 1, { ttl: 60 });
    await cache.close();
    await cache.close();
    expect(cache.stats()).toEqual({ entries: 0, bytes: 0, evictions: 1 });
    await expect(cache.getValue('c')).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(cache.multiGetValues([])).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('frees the memory', () => {
    const program = fileURLToPath(new URL('support/closing.ts', import.meta.url));
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--expose-gc', '--conditions=@ninefold/source', '--import', 'tsx', program],
      { encoding: 'utf8', timeout: 20_000 },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { taken, kept } = JSON.parse(stdout);
    expect(taken).toBeGreaterThan(20_000_000);
    expect(kept).toBeLessThan(2_000_000);
  });
});
