import { type CacheBackend, CacheError, type CacheErrorCode } from '@ninefold/core';
import { memoryBackend } from '@ninefold/memory';
import { keptOf } from '@ninefold/tooling/testing/kept';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Cache, createCache, type LoadContext, type LoadOptions } from '../src/cache.ts';
import { type Hold, held } from './support/held.ts';
import { ManualClock, settled } from './support/manual-clock.ts';
import { type Pending, pending } from './support/pending.ts';

let clock: ManualClock;
let memory: CacheBackend;
let hold: Hold;
let cache: Cache;

beforeEach(async () => {
  clock = new ManualClock();
  memory = memoryBackend({ now: clock.now });
  hold = () => undefined;
  cache = createCache(
    held(memory, (...call) => hold(...call)),
    { clock },
  );
  await cache.set('warm', 1, { tags: ['t'] });
});

describe('a value', () => {
  it('is a copy for each caller, including those that come while the lease is given back', async () => {
    const release = pending<void>();
    hold = (operation, [key]) => (operation === 'delete' && key === '!l:k' ? release.promise : undefined);
    let loads = 0;
    const load = async () => ({ n: ++loads, list: [1] });
    const first = cache.getOrSet('k', load);
    await settled();
    // Deleted, because callers would find the stored value: now they join the flight, which has not ended.
    await memory.delete('k');
    const later = [cache.getOrSet('k', load), cache.getOrSet('k', load)];
    await settled();
    release.resolve();
    const values = await Promise.all([first, ...later]);
    expect(loads).toBe(1);
    expect(new Set(values).size).toBe(3);
    values[0]?.list.push(2);
    expect(values[1]).toEqual({ n: 1, list: [1] });
  });

  it('is a copy for the caller even if the loader keeps it', async () => {
    const kept = { list: [1] };
    const loaded = await cache.getOrSet('k', () => kept);
    loaded.list.push(2);
    const [many] = await cache.getOrSetMany(['m'], () => [kept]);
    many?.list.push(3);
    expect(kept).toEqual({ list: [1] });
  });
});

it('an abort in the middle of a batch does not hold up a caller that joined one of its loads', async () => {
  const slow = pending<string>();
  const first = cache.getOrSet('a', () => slow.promise, { tags: ['t'] });
  await settled();
  const look = pending<void>();
  hold = (operation, [names]) =>
    operation === 'multiGetValues' && (names as string[]).join() === '!t:t' ? look.promise : undefined;
  const controller = new AbortController();
  const calls: (readonly string[])[] = [];
  const load = (keys: readonly string[]): string[] => {
    calls.push(keys);
    return keys.map((key) => `many ${key}`);
  };
  // It reads whether it may join the load of one key, and has begun to load the other.
  const many = cache.getOrSetMany(['a', 'b'], load, { signal: controller.signal });
  const rejection = expect(many).rejects.toThrow('gone');
  await settled();
  const joined = cache.getOrSet('b', () => 'single b');
  await settled();
  controller.abort(new Error('gone'));
  await rejection;
  look.resolve();
  expect(await joined).toBe('many b');
  expect(calls).toEqual([['b']]);
  slow.resolve('a');
  expect(await first).toBe('a');
});

it('a read of a batch that fails for good does not hold up a caller that joined one of its loads', async () => {
  const slow = pending<string>();
  const first = cache.getOrSet('a', () => slow.promise, { tags: ['t'] });
  await settled();
  const look = pending<void>();
  hold = (operation, [names]) =>
    operation === 'multiGetValues' && (names as string[]).join() === '!t:t' ? look.promise : undefined;
  const many = cache.getOrSetMany(['a', 'b'], (keys) => keys.map((key) => `many ${key}`));
  const rejection = expect(many).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  await settled();
  const joined = cache.getOrSet('b', () => 'single b');
  await settled();
  look.reject(new CacheError({ code: 'UNSUPPORTED', backend: 'memory', operation: 'multiGetValues', reason: 'no' }));
  await rejection;
  expect(await joined).toBe('many b');
  slow.resolve('a');
  await first;
});

it('a wait that finds a value with other tags is not joined by callers that come after their invalidation', async () => {
  const slow = pending<string>();
  const other = createCache(memory, { clock });
  const loading = other.getOrSet('k', () => slow.promise, { tags: ['t'] });
  await settled();
  // It names no tags, and waits.
  const waiting = cache.getOrSet('k', () => 'mine');
  await settled();
  slow.resolve('old');
  await loading;
  const look = pending<void>();
  hold = (operation, [names]) =>
    operation === 'multiGetValues' && (names as string[]).join() === '!t:t' ? look.promise : undefined;
  await clock.advance(20);
  await cache.invalidateTags('t');
  const late = cache.getOrSet('k', () => 'new', { tags: ['t'] });
  await settled();
  look.resolve();
  await clock.advance(1000);
  expect(await waiting).toBe('old');
  expect(await late).toBe('new');
});

it('callers whose reads fail at the same moment load once, even if none could join another before', async () => {
  const look = pending<void>();
  let reads = 0;
  const isLook = ([names]: readonly unknown[]): boolean => (names as string[]).includes('k') && ++reads % 2 === 0;
  hold = (operation, args) => (operation === 'multiGetValues' && isLook(args) ? look.promise : undefined);
  let loads = 0;
  const calls: Promise<{ n: number }>[] = [];
  for (let count = 0; count < 3; count++) {
    calls.push(cache.getOrSet('k', async () => ({ n: ++loads })));
    await settled();
  }
  look.reject(new CacheError({ code: 'TIMEOUT', backend: 'memory', operation: 'multiGetValues', reason: 'late' }));
  const values = await Promise.all(calls);
  expect(values).toEqual([{ n: 1 }, { n: 1 }, { n: 1 }]);
  expect(new Set(values).size).toBe(3);
});

/** Loads the keys, one after another. Resolves how many of the loaded values the process keeps in memory. */
async function keptAfterLoads(keys: readonly string[], options?: LoadOptions): Promise<number> {
  const loaded: WeakRef<object>[] = [];
  const load = async (): Promise<object> => {
    const value = {};
    loaded.push(new WeakRef(value));
    return value;
  };
  for (const key of keys) await cache.getOrSet(key, load, options);
  await settled();
  return keptOf(loaded);
}

it.each([
  ['', undefined],
  [' by calls with a signal that lives on', new AbortController().signal],
])('values that were loaded and stored%s are not kept in memory', async (_how, signal) => {
  const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
  expect(await keptAfterLoads(keys, { signal })).toBeLessThanOrEqual(1);
});

it('signals made of one that lives on are not kept in memory by calls that have ended', async () => {
  const lasting = new AbortController();
  const signals: WeakRef<AbortSignal>[] = [];
  for (let call = 0; call < 100; call++) {
    const signal = AbortSignal.any([lasting.signal]);
    signals.push(new WeakRef(signal));
    await Promise.all(['warm', `k${call}`].map((key) => cache.getOrSet(key, () => 1, { signal })));
  }
  await settled();
  expect(keptOf(signals)).toBeLessThan(10);
});

describe('many calls with one signal', () => {
  const warnings: Error[] = [];
  const warned = (warning: Error): number => warnings.push(warning);

  beforeEach(() => {
    warnings.length = 0;
    process.on('warning', warned);
  });
  afterEach(() => {
    process.off('warning', warned);
  });

  it('listen to it once, and are all aborted by it', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const keys = Array.from({ length: 30 }, (_, index) => `k${index}`);
    expect(await cache.getOrSetMany(keys, (missing) => missing, { signal })).toEqual(keys);
    const never: Pending<string> = pending();
    const calls = keys.map((key) => cache.getOrSet(`new ${key}`, () => never.promise, { signal }));
    const outcomes = Promise.allSettled(calls);
    await settled();
    // One more that ends before the others.
    expect(await cache.getOrSet('warm', () => 2, { signal })).toBe(1);
    controller.abort(new Error('gone'));
    expect((await outcomes).map((outcome) => outcome.status)).toEqual(keys.map(() => 'rejected'));
    await settled();
    expect(warnings).toEqual([]);
  });
});

describe('a backend that fails', () => {
  let loads: number;
  let slow: Pending<string>;
  let other: Pending<string>;
  const load = (): Promise<string> => {
    loads += 1;
    return slow.promise;
  };
  const down = (operation = 'multiGetValues', code: CacheErrorCode = 'UNAVAILABLE'): CacheError =>
    new CacheError({ code, backend: 'memory', operation: operation as never, reason: 'down' });
  const fail = (): void => {
    hold = (operation) => Promise.reject(down(operation));
  };
  /** Holds back the replies to the requests that match. */
  const holdBack = (matches: (...call: Parameters<Hold>) => boolean): Pending<void>[] => {
    const answers: Pending<void>[] = [];
    hold = (operation, args) => {
      if (!matches(operation, args)) return undefined;
      const answer = pending<void>();
      answers.push(answer);
      return answer.promise;
    };
    return answers;
  };

  beforeEach(() => {
    loads = 0;
    slow = pending();
    other = pending();
  });

  it.each(['TIMEOUT', 'UNAVAILABLE', 'AUTH', 'BACKEND'] as const)('with %s has missing values loaded', async (code) => {
    hold = (operation) => Promise.reject(down(operation, code));
    expect(await cache.getOrSet('k', () => 1)).toBe(1);
    expect(await cache.getOrSetMany(['k', 'l'], () => [2, 3])).toEqual([2, 3]);
  });

  it('during a load has later callers share it', async () => {
    const first = cache.getOrSet('k', load);
    await settled();
    fail();
    const later = [cache.getOrSet('k', load), cache.getOrSet('k', load)];
    await settled();
    slow.resolve('value');
    expect(await Promise.all([first, ...later])).toEqual(['value', 'value', 'value']);
    expect(loads).toBe(1);
  });

  it('at the read that shows whether a later caller may share a load has it shared', async () => {
    const first = cache.getOrSet('k', load, { tags: ['t'] });
    await settled();
    hold = (operation, [names]) =>
      operation === 'multiGetValues' && (names as string[]).join() === '!t:t' ? Promise.reject(down()) : undefined;
    // It names no tags, so it has yet to read their counters.
    const later = cache.getOrSet('k', load);
    await settled();
    slow.resolve('value');
    expect(await Promise.all([first, later])).toEqual(['value', 'value']);
    expect(loads).toBe(1);
  });

  it('during a wait for another’s load has later callers share the load that follows', async () => {
    void createCache(memory, { clock }).getOrSet('k', () => other.promise);
    await settled();
    const waiting = cache.getOrSet('k', load);
    await settled();
    fail();
    const later = cache.getOrSet('k', load);
    await clock.advance(1000);
    expect(loads).toBe(1);
    slow.resolve('value');
    expect(await Promise.all([waiting, later])).toEqual(['value', 'value']);
  });

  it.each([
    { keys: 'its key is loaded anew', calls: 5, key: () => 'k', kept: 1 },
    { keys: 'a thousand others were loaded after it', calls: 3000, key: String, kept: 1000 },
  ])('drops the loaded values from memory when $keys', async ({ calls, key, kept }) => {
    fail();
    // The rest stays for callers that began before it was loaded.
    expect(await keptAfterLoads(Array.from({ length: calls }, (_, call) => key(call)))).toBeLessThanOrEqual(kept);
  });

  it('has the loader called at once, which may abort the call and so its own signal', async () => {
    fail();
    const controller = new AbortController();
    const signals: AbortSignal[] = [];
    const leave = ({ signal }: LoadContext): Promise<string> => {
      signals.push(signal);
      controller.abort(new Error('gone'));
      return slow.promise;
    };
    const call = cache.getOrSet('k', leave, { signal: controller.signal });
    await expect(call).rejects.toThrow('gone');
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it.each([
    ['a delete', () => cache.delete('k')],
    ['a set', () => cache.set('k', 'set')],
    ['an invalidation', () => cache.invalidateTags('t')],
    ['a clear', () => cache.clear()],
  ])('during a load that %s of this process has outdated has later callers load anew', async (_what, outdate) => {
    const first = cache.getOrSet('k', load, { tags: ['t', 'u'] });
    await settled();
    await outdate();
    fail();
    const later = cache.getOrSet('k', () => 'new');
    expect(await later).toBe('new');
    slow.resolve('old');
    expect(await first).toBe('old');
  });

  it('has callers that began before a load share its result, and others load anew', async () => {
    const looks = holdBack((operation) => operation === 'multiGetValues');
    const call = () => cache.getOrSet('k', async () => ++loads);
    const [first, second] = [call(), call()];
    await settled();
    looks[0]?.reject(down());
    expect(await first).toBe(1);
    const third = call();
    await settled();
    looks[2]?.reject(down());
    expect(await third).toBe(2);
    looks[1]?.reject(down());
    expect(await second).toBe(2);
  });

  it('has callers that began before a load share its result for ten seconds', async () => {
    const looks = holdBack((operation) => operation === 'multiGetValues');
    const quick = createCache(
      held(memory, (...call) => hold(...call)),
      { clock, leaseTtl: 1 },
    );
    const call = (key: string) => quick.getOrSet(key, async () => ++loads);
    const calls = [call('k'), call('k'), call('k'), call('another')];
    await settled();
    const failed = async (index: number): Promise<number | undefined> => {
      looks[index]?.reject(down());
      return await calls[index];
    };
    expect(await failed(0)).toBe(1);
    await clock.advance(9999);
    expect(await failed(1)).toBe(1);
    await clock.advance(1);
    expect(await failed(3)).toBe(2);
    expect(await failed(2)).toBe(3);
  });

  it('calls the loader even if the key was deleted before the failure', async () => {
    const leases = holdBack((operation, [key]) => operation === 'incr' && key === '!l:k');
    const early = cache.getOrSet('k', async () => ++loads);
    await settled();
    await cache.delete('k');
    leases[0]?.reject(down());
    expect(await early).toBe(1);
  });

  it('calls the loader even if the key was deleted before the failure and a later caller has given up', async () => {
    const leases = holdBack((operation, [key]) => operation === 'incr' && key === '!l:k');
    const early = cache.getOrSet('k', async () => ++loads);
    await settled();
    await cache.delete('k');
    const controller = new AbortController();
    const late = cache.getOrSet('k', async () => ++loads, { signal: controller.signal });
    await settled();
    controller.abort(new Error('gone'));
    await expect(late).rejects.toThrow('gone');
    leases[0]?.reject(down());
    expect(await early).toBe(1);
    leases[1]?.resolve();
  });

  it('has the rest of a batch loaded without waiting for a key that a later caller loads', async () => {
    const leases = holdBack((operation, [key]) => operation === 'incr' && key === '!l:a');
    const calls: (readonly string[])[] = [];
    const early = cache.getOrSetMany(['a', 'b'], (keys) => {
      calls.push(keys);
      return keys;
    });
    await settled();
    await cache.delete('a');
    const late = cache.getOrSet('a', load);
    await settled();
    leases[1]?.resolve();
    await settled();
    leases[0]?.reject(down());
    await settled();
    expect([loads, calls]).toEqual([1, [['b']]]);
    slow.resolve('loaded by the later caller');
    expect(await early).toEqual(['loaded by the later caller', 'b']);
    await late;
  });

  it('aborts the load that callers share with later ones once all of them have given up', async () => {
    const leases = holdBack((operation, [key]) => operation === 'incr' && key === '!l:k');
    const [early, late] = [new AbortController(), new AbortController()];
    const signals: AbortSignal[] = [];
    const outcomes = [cache.getOrSet('k', load, { signal: early.signal })];
    await settled();
    await cache.delete('k');
    const watch = ({ signal }: LoadContext): Promise<string> => {
      signals.push(signal);
      return slow.promise;
    };
    outcomes.push(cache.getOrSet('k', watch, { signal: late.signal }));
    const ended = Promise.allSettled(outcomes);
    await settled();
    leases[1]?.resolve();
    await settled();
    leases[0]?.reject(down());
    await settled();
    late.abort(new Error('gone'));
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    early.abort(new Error('gone'));
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect((await ended).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(loads).toBe(0);
  });

  it('does not call the loader of a caller that gave up before the failure', async () => {
    const looks = holdBack((operation) => operation === 'multiGetValues');
    const controller = new AbortController();
    const call = cache.getOrSet('k', load, { signal: controller.signal });
    await settled();
    controller.abort(new Error('gone'));
    looks[0]?.reject(down());
    await expect(call).rejects.toThrow('gone');
    expect(loads).toBe(0);
  });
});
