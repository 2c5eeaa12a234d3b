import { describe, expect, it } from 'vitest';
import { memoryBackend, memoryCapabilities } from '../src/memory.ts';

/** The string whose serialised text, `{"json":"…"}`, has this many bytes. */
const stringOf = (bytes: number) => 'x'.repeat(bytes - 11);

describe('the bound on entries', () => {
  it('is kept by dropping the least recently used', async () => {
    const cache = memoryBackend({ maxEntries: 3 });
    for (const key of ['a', 'b', 'c', 'd']) await cache.setValue(key, key);
    expect(await cache.multiGetValues(['a', 'b', 'c', 'd'])).toEqual([undefined, 'b', 'c', 'd']);
    expect(cache.stats()).toMatchObject({ entries: 3, evictions: 1 });
  });

  it('counts every read and write as a use, but not exists', async () => {
    const uses: Record<string, (cache: ReturnType<typeof memoryBackend>) => Promise<unknown>> = {
      getValue: (cache) => cache.getValue('old'),
      multiGetValues: (cache) => cache.multiGetValues(['old']),
      setValue: (cache) => cache.setValue('old', 2),
      multiSetValues: (cache) => cache.multiSetValues([['old', 3]]),
      incr: (cache) => cache.incr('old'),
      exists: (cache) => cache.exists('old'),
    };
    for (const [operation, use] of Object.entries(uses)) {
      const cache = memoryBackend({ maxEntries: 2 });
      await cache.setValue('old', 1);
      await cache.setValue('new', 1);
      await use(cache);
      await cache.setValue('newest', 1);
      expect([operation, await cache.exists('old')]).toEqual([operation, operation !== 'exists']);
    }
  });

  it('holds for one entry too', async () => {
    const cache = memoryBackend({ maxEntries: 1 });
    await cache.setValue('a', 1);
    await cache.setValue('b', 2);
    await cache.setValue('b', 3);
    expect(await cache.multiGetValues(['a', 'b'])).toEqual([undefined, 3]);
    expect(cache.stats()).toMatchObject({ entries: 1, evictions: 1 });
  });

  it('is 100,000 by default', async () => {
    const cache = memoryBackend();
    await cache.multiSetValues(Array.from({ length: 100_001 }, (_, index) => [`${index}`, index]));
    expect(cache.stats()).toMatchObject({ entries: 100_000, evictions: 1 });
    expect(await cache.multiGetValues(['0', '1', '100000'])).toEqual([undefined, 1, 100_000]);
  });
});

describe('the bound on bytes', () => {
  it('counts the UTF-8 bytes of stored key and text, 8 for a counter, and 128 for each entry', async () => {
    const cache = memoryBackend({ namespace: 'ns' });
    await cache.setValue('k', 'x');
    const plain = 'ns:k'.length + '{"json":"x"}'.length + 128;
    expect(cache.stats().bytes).toBe(plain);
    await cache.setValue('é😀', '€');
    const wide = 'ns:'.length + 6 + '{"json":""}'.length + 3 + 128;
    expect(cache.stats().bytes).toBe(plain + wide);
    await cache.setValue('n', -41);
    const counter = 'ns:n'.length + 8 + 128;
    expect(cache.stats().bytes).toBe(plain + wide + counter);
  });

  it('counts long texts exactly, wherever their wide characters stand', async () => {
    for (const text of ['x'.repeat(4000), `${'x'.repeat(4084)}😀€é`, '€'.repeat(10_000), '😀x'.repeat(9_999)]) {
      const cache = memoryBackend();
      await cache.setValue('k', text);
      expect(cache.stats().bytes).toBe(1 + new TextEncoder().encode(`{"json":"${text}"}`).length + 128);
    }
  });

  it('follows overwriting, counting, deleting and expiring', async () => {
    let time = 0;
    const cache = memoryBackend({ now: () => time });
    await cache.setValue('k', 'a long text');
    await cache.setValue('k', 'short');
    expect(cache.stats().bytes).toBe(1 + '{"json":"short"}'.length + 128);
    await cache.setValue('k', 9);
    await cache.incr('k');
    expect(cache.stats().bytes).toBe(1 + 8 + 128);
    await cache.setValue('mortal', 'x', { ttl: 1 });
    time = 1000;
    expect(cache.stats()).toMatchObject({ entries: 1, bytes: 1 + 8 + 128 });
    await cache.delete('k');
    expect(cache.stats()).toEqual({ entries: 0, bytes: 0, evictions: 0 });
  });

  it('is kept by dropping as many of the least recently used as it takes', async () => {
    const size = 1 + 300 + 128;
    const cache = memoryBackend({ maxBytes: 3 * size });
    for (const key of ['a', 'b', 'c']) await cache.setValue(key, stringOf(300));
    await cache.getValue('a');
    await cache.setValue('d', stringOf(300 + size));
    expect(await Promise.all(['a', 'b', 'c', 'd'].map((key) => cache.exists(key)))).toEqual([true, false, false, true]);
    expect(cache.stats()).toEqual({ entries: 2, bytes: 3 * size, evictions: 2 });
  });

  it('lets an entry grow where it is', async () => {
    const cache = memoryBackend({ maxBytes: 1000 });
    await cache.setValue('k', 'x');
    await cache.setValue('other', 'x');
    await cache.setValue('k', stringOf(1000 - 1 - 128));
    expect(await cache.multiGetValues(['k', 'other'])).toEqual([stringOf(871), undefined]);
    expect(cache.stats()).toEqual({ entries: 1, bytes: 1000, evictions: 1 });
  });

  it('is 64 MiB by default', async () => {
    const cache = memoryBackend();
    const value = stringOf(1024 * 1024 - 2 - 128);
    for (let index = 10; index < 75; index++) await cache.setValue(`${index}`, value);
    expect(cache.stats()).toEqual({ entries: 64, bytes: 64 * 1024 * 1024, evictions: 1 });
  });
});

describe('an entry larger than the bound on bytes', () => {
  it('is refused, and the old value stays', async () => {
    const cache = memoryBackend({ maxBytes: 400 });
    await cache.setValue('k', 'old', { ttl: 60 });
    await expect(cache.setValue('k', stringOf(400 - 1 - 128 + 1))).rejects.toMatchObject({
      code: 'TOO_LARGE',
      message: '[memory] setValue "k": the entry takes 401 bytes, and maxBytes is 400',
      key: 'k',
      retryable: false,
      maybeApplied: false,
    });
    expect(await cache.getValue('k')).toBe('old');
    await cache.setValue('k', stringOf(400 - 1 - 128));
    expect(cache.stats()).toEqual({ entries: 1, bytes: 400, evictions: 0 });
  });

  it('prevents its whole batch from being written', async () => {
    const cache = memoryBackend({ maxBytes: 400, namespace: 'ns' });
    const pairs: [string, unknown][] = [
      ['a', 1],
      ['b', stringOf(400)],
      ['c', 3],
    ];
    await expect(cache.multiSetValues(pairs)).rejects.toMatchObject({
      code: 'TOO_LARGE',
      key: 'b',
      maybeApplied: false,
    });
    expect(await cache.multiGetValues(['a', 'b', 'c'])).toEqual([undefined, undefined, undefined]);
  });

  it('may be a counter, if the bound is that low', async () => {
    const cache = memoryBackend({ maxBytes: 100 });
    await expect(cache.incr('n')).rejects.toMatchObject({ code: 'TOO_LARGE', maybeApplied: false });
    expect(await cache.exists('n')).toBe(false);
  });
});

describe('maxValueBytes', () => {
  it('fits under the longest key in the longest namespace', async () => {
    for (const maxBytes of [20_000, undefined]) {
      const cache = memoryBackend({ namespace: 'n'.repeat(64), maxBytes });
      const { maxValueBytes } = cache.capabilities;
      const value = stringOf(maxValueBytes as number);
      await cache.setValue('k'.repeat(8192), value);
      expect((await cache.getValue<string>('k'.repeat(8192)))?.length).toBe(value.length);
    }
  });

  it('follows the bound on bytes', () => {
    expect(memoryCapabilities).toEqual({
      shared: false,
      atomicIncr: true,
      ttlGranularity: 0.001,
      maxValueBytes: 67_099_520,
    });
    expect(memoryBackend().capabilities).toEqual(memoryCapabilities);
    expect(memoryBackend({ maxBytes: 1_000_000 }).capabilities.maxValueBytes).toBe(990_656);
    expect(memoryBackend({ maxBytes: 100 }).capabilities.maxValueBytes).toBe(0);
  });
});

describe('an entry that has expired', () => {
  it('does not count as an eviction, whatever removes it', async () => {
    let time = 0;
    const cache = memoryBackend({ maxEntries: 2, now: () => time });
    await cache.setValue('a', 1, { ttl: 1 });
    await cache.setValue('b', 1, { ttl: 1 });
    time = 1000;
    await cache.setValue('c', 1);
    await cache.getValue('b');
    await cache.setValue('d', 1);
    expect(cache.stats()).toMatchObject({ entries: 2, evictions: 0 });
    await cache.setValue('e', 1);
    expect(cache.stats()).toMatchObject({ entries: 2, evictions: 1 });
  });
});
