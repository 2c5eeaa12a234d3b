import { type CacheError, observed } from '@ninefold/core';
import { memoryBackend } from '@ninefold/memory';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Cache, createCache, type LoadContext } from '../src/cache.ts';
import { held } from './support/held.ts';
import { placeUnder } from './support/interleavings.ts';
import { ManualClock, settled } from './support/manual-clock.ts';
import { type Pending, pending } from './support/pending.ts';
import { type Process, World } from './support/world.ts';

let cache: Cache;
let clock: ManualClock;

beforeEach(() => {
  clock = new ManualClock();
  cache = createCache(memoryBackend({ now: clock.now }), { clock });
});

describe('callers of one missing key', () => {
  it('share one load, and each gets a value of its own', async () => {
    let loads = 0;
    const load = async () => ({ n: ++loads });
    const values = await Promise.all(Array.from({ length: 50 }, () => cache.getOrSet('k', load)));
    expect(values).toEqual(Array.from({ length: 50 }, () => ({ n: 1 })));
    expect(new Set(values).size).toBe(50);
    const [first] = values;
    if (first !== undefined) first.n = 99;
    expect(values[1]).toEqual({ n: 1 });
    expect(await cache.get('k')).toEqual({ n: 1 });
  });

  it('share a load that began before they came', async () => {
    const slow = pending<string>();
    let loads = 0;
    const load = (): Promise<string> => {
      loads += 1;
      return slow.promise;
    };
    const first = cache.getOrSet('k', load);
    await settled();
    const late = cache.getOrSet('k', load);
    await settled();
    slow.resolve('value');
    expect(await Promise.all([first, late])).toEqual(['value', 'value']);
    expect(loads).toBe(1);
  });

  it('share one load, at whatever moments they come and however their requests overtake each other', async () => {
    const property = fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.boolean(), { minLength: 2, maxLength: 6 }),
      fc.boolean(),
      async (scheduler, callers, isNew) => {
        const turn = (label: string): Promise<void> => scheduler.schedule(Promise.resolve(), label);
        const memory = memoryBackend();
        if (!isNew) await createCache(memory).set('k', 'old');
        await memory.delete('k');
        // Nobody needs to wait for the lease of its own process.
        const unending = { now: () => 0, wait: () => new Promise<never>(() => undefined) };
        const shared = createCache(held(memory, turn, turn), { clock: unending });
        const slow = pending<never>();
        let loads = 0;
        const load = (): Promise<never> => {
          loads += 1;
          return slow.promise;
        };
        const failures: unknown[] = [];
        for (const many of callers) {
          const call = () => (many ? shared.getOrSetMany(['k'], load) : shared.getOrSet('k', load));
          void turn('calls')
            .then(call)
            .catch((failure) => failures.push(failure));
        }
        await scheduler.waitIdle();
        const error = new Error('no such user');
        slow.reject(error);
        await scheduler.waitIdle();
        expect(failures).toEqual(callers.map(() => error));
        expect(loads).toBe(1);
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });

  it('do not wait for one that has given up', async () => {
    const memory = memoryBackend();
    const look = pending<void>();
    let reads = 0;
    const second = (operation: string): boolean => operation === 'multiGetValues' && ++reads === 2;
    const shared = createCache(held(memory, (operation) => (second(operation) ? look.promise : undefined)));
    const controller = new AbortController();
    const leaving = shared.getOrSet('k', () => 'never', { signal: controller.signal });
    await settled();
    controller.abort(new Error('gone'));
    await expect(leaving).rejects.toThrow('gone');
    await memory.delete('!l:k');
    expect(await shared.getOrSet('k', () => 'mine')).toBe('mine');
    look.resolve();
  });

  it('each receive the loader’s error, which is not stored', async () => {
    let loads = 0;
    const failing = (): never => {
      loads += 1;
      throw new RangeError('no such user');
    };
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => cache.getOrSet('k', failing)));
    expect(new Set(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason)).size).toBe(1);
    expect(outcomes[0]).toMatchObject({ status: 'rejected', reason: new RangeError('no such user') });
    expect(loads).toBe(1);
    expect(await cache.getOrSet('k', () => 'now it works')).toBe('now it works');
  });

  it('get undefined from a loader without a value, and it is not stored', async () => {
    expect(await cache.getOrSet('k', () => undefined)).toBeUndefined();
    expect(await cache.has('k')).toBe(false);
    expect(await cache.getOrSet('k', () => 'there')).toBe('there');
  });
});

it('what a loader returns is not stored if it has set or deleted its key, so it chooses a TTL and tags by the value', async () => {
  const load = async (): Promise<string> => {
    await cache.set('token', { text: 'a' }, { ttl: 5, tags: ['tokens'] });
    return 'a';
  };
  expect(await cache.getOrSet('token', load, { ttl: 60 })).toBe('a');
  expect(await cache.get('token')).toEqual({ text: 'a' });
  await clock.advance(5000);
  expect(await cache.has('token')).toBe(false);
  await cache.getOrSetMany(['token'], async () => [await load()]);
  expect(await cache.get('token')).toEqual({ text: 'a' });
  await cache.invalidateTags('tokens');
  expect(await cache.has('token')).toBe(false);
  const drop = async (): Promise<string> => {
    await cache.delete('token');
    return 'b';
  };
  expect(await cache.getOrSet('token', drop)).toBe('b');
  expect(await cache.has('token')).toBe(false);
});

it('a close during a load does not fail its callers', async () => {
  const slow = pending<string>();
  const told: string[] = [];
  const closing = createCache(memoryBackend(), { onError: ({ code }) => told.push(code) });
  const call = closing.getOrSet('k', () => slow.promise);
  await settled();
  await closing.close();
  slow.resolve('value');
  expect(await call).toBe('value');
  // From the write: the lease was given back before the close.
  expect(told).toEqual(['CLOSED']);
});

describe('a caller that gives up', () => {
  it('rejects with its reason and leaves the others alone', async () => {
    const slow = pending<string>();
    const signals: AbortSignal[] = [];
    const load = ({ signal }: LoadContext): Promise<string> => {
      signals.push(signal);
      return slow.promise;
    };
    const controller = new AbortController();
    const leaving = cache.getOrSet('k', load, { signal: controller.signal });
    const staying = cache.getOrSet('k', load, { signal: new AbortController().signal });
    await settled();
    const reason = new Error('gone');
    controller.abort(reason);
    await expect(leaving).rejects.toBe(reason);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    slow.resolve('value');
    expect(await staying).toBe('value');
  });

  it('aborts the load if no other waits, and the next caller loads anew', async () => {
    const slow = pending<string>();
    let signal: AbortSignal | undefined;
    const controller = new AbortController();
    const leaving = cache.getOrSet(
      'k',
      (context) => {
        ({ signal } = context);
        return slow.promise;
      },
      { signal: controller.signal },
    );
    await settled();
    controller.abort(new Error('gone'));
    await expect(leaving).rejects.toThrow('gone');
    expect(signal?.aborted).toBe(true);
    const next = cache.getOrSet('k', () => 'anew');
    slow.reject(signal?.reason);
    await clock.advance(1000);
    expect(await next).toBe('anew');
  });

  it('while the cache is read, rejects at once', async () => {
    const look = pending<void>();
    const silent = createCache(held(memoryBackend(), () => look.promise));
    const controller = new AbortController();
    const { signal } = controller;
    let loads = 0;
    const calls = [
      silent.getOrSet('k', () => ++loads, { signal }),
      silent.getOrSetMany(['a', 'b'], () => [++loads], { signal }),
    ];
    const outcomes = Promise.allSettled(calls);
    await settled();
    const reason = new Error('gone');
    controller.abort(reason);
    expect(await outcomes).toEqual(calls.map(() => ({ status: 'rejected', reason })));
    look.resolve();
    await settled();
    expect(loads).toBe(0);
  });

  it('before the loader is called, loads nothing and gives the lease back', async () => {
    const backend = memoryBackend();
    const controller = new AbortController();
    // Its only caller gives up once it holds the lease.
    const leaving = observed(backend, ({ operation }) => {
      if (operation === 'incr') controller.abort(new Error('gone'));
    });
    let loads = 0;
    const call = createCache(leaving).getOrSet('k', () => ++loads, { signal: controller.signal });
    await expect(call).rejects.toThrow('gone');
    await settled();
    expect(loads).toBe(0);
    expect(await backend.exists('!l:k')).toBe(false);
  });

  it.each([
    ['nothing', false, []],
    ['the keys that may load, if others wait for one', true, [['b', 'c']]],
  ])('before the loader of a batch is called, loads %s', async (_what, joined, loaded) => {
    const backend = memoryBackend();
    const lease = pending<void>();
    const slow = createCache(
      held(backend, (operation, [key]) => (operation === 'incr' && key === '!l:a' ? lease.promise : undefined)),
    );
    const controller = new AbortController();
    const asked: (readonly string[])[] = [];
    const load = (keys: readonly string[]): readonly string[] => {
      asked.push(keys);
      return keys;
    };
    const leaving = slow.getOrSetMany(['a', 'b', 'c'], load, { signal: controller.signal });
    await settled();
    const staying = joined ? slow.getOrSet('c', () => 'own') : 'c';
    await settled();
    controller.abort(new Error('gone'));
    await expect(leaving).rejects.toThrow('gone');
    expect(await staying).toBe('c');
    lease.resolve();
    await settled();
    expect(asked).toEqual(loaded);
    expect(await backend.multiGetValues(['!l:a', '!l:b', '!l:c'])).toEqual([undefined, undefined, undefined]);
  });

  it('aborts the signal of a loader that reads it only afterwards', async () => {
    const contexts: LoadContext[] = [];
    const controller = new AbortController();
    const { signal } = controller;
    const never = (context: LoadContext): Promise<never> => {
      contexts.push(context);
      return new Promise(() => undefined);
    };
    const calls = [
      cache.getOrSet('k', never, { signal }),
      cache.getOrSetMany(['a', 'b'], (_keys, context) => never(context), { signal }),
    ];
    const outcomes = Promise.allSettled(calls);
    await settled();
    const reason = new Error('gone');
    controller.abort(reason);
    await outcomes;
    expect(contexts.map((context) => context.signal.reason)).toEqual([reason, reason]);
    for (const context of contexts) expect(context.signal).toBe(context.signal);
  });

  it('before its call, loads nothing', async () => {
    let loads = 0;
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(cache.getOrSet('k', () => ++loads, { signal })).rejects.toThrow('too late');
    await expect(cache.getOrSetMany(['k'], () => [++loads], { signal })).rejects.toThrow('too late');
    expect(loads).toBe(0);
  });
});

describe('a load that takes longer than its lease lasts', () => {
  const never = (): Promise<never> => new Promise(() => undefined);

  it('resolves for all callers that share it', async () => {
    let loads = 0;
    const slow = async (): Promise<string> => {
      loads += 1;
      await clock.wait(30_000);
      return 'value';
    };
    const calls = Array.from({ length: 50 }, () => cache.getOrSet('k', slow));
    const batch = cache.getOrSetMany(['k', 'k'], () => expect.unreachable());
    await clock.advance(30_100);
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['value']));
    expect(await batch).toEqual(['value', 'value']);
    expect(loads).toBe(1);
  });

  it('is not joined by later callers: they share another', async () => {
    void cache.getOrSet('k', never);
    await clock.advance(10_900);
    let loads = 0;
    const load = (): string => `load ${++loads}`;
    const joined = cache.getOrSet('k', load);
    await clock.advance(300);
    const calls = Array.from({ length: 5 }, () => cache.getOrSet('k', load));
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['load 1']));
    expect(await Promise.race([joined, 'waits'])).toBe('waits');
  });

  it('and ends after the next one does not replace the newer value', async () => {
    const old = cache.getOrSet('k', async () => {
      await clock.wait(20_000);
      return 'old';
    });
    await clock.advance(12_000);
    expect(await cache.getOrSet('k', () => 'new')).toBe('new');
    await clock.advance(10_000);
    expect(await old).toBe('old');
    expect(await cache.get('k')).toBe('new');
  });

  it('and ends before the next one leaves that one shared', async () => {
    const [first, second] = [pending<string>(), pending<string>()];
    const old = cache.getOrSet('k', () => first.promise);
    await clock.advance(12_000);
    const next = cache.getOrSet('k', () => second.promise);
    await settled();
    first.resolve('old');
    expect(await old).toBe('old');
    const late = cache.getOrSet('k', () => 'a third');
    await settled();
    second.resolve('new');
    expect(await Promise.all([next, late])).toEqual(['new', 'new']);
  });

  it('leaves the loads of other keys alone, as a delete does', async () => {
    void cache.getOrSet('old', never);
    await clock.advance(11_000);
    const slow = pending<string>();
    const other = cache.getOrSet('other', () => slow.promise);
    await clock.advance(1000);
    expect(await cache.getOrSet('old', () => 'new')).toBe('new');
    await cache.delete('old');
    slow.resolve('value');
    expect(await other).toBe('value');
    expect(await cache.get('other')).toBe('value');
  });
});

describe('many', () => {
  it('are loaded by one call for all misses, in the order of its keys', async () => {
    await cache.set('b', 'stored');
    const calls: (readonly unknown[])[] = [];
    const load = async (keys: readonly string[]): Promise<string[]> => {
      calls.push(keys);
      return keys.map((key) => `loaded ${key}`);
    };
    expect(await cache.getOrSetMany(['a', 'b', 'c', 'a'], load)).toEqual([
      'loaded a',
      'stored',
      'loaded c',
      'loaded a',
    ]);
    expect(await cache.getOrSetMany(['c', 'a'], load)).toEqual(['loaded c', 'loaded a']);
    expect(await cache.getOrSetMany([], load)).toEqual([]);
    expect(calls).toEqual([['a', 'c']]);
  });

  it('are loaded in the order of the call, though the first ones are new keys, which take a round trip more', async () => {
    await cache.set('outdated', 1, { tags: ['t'] });
    await cache.invalidateTags('t');
    const calls: (readonly string[])[] = [];
    const load = (keys: readonly string[]): readonly string[] => {
      calls.push(keys);
      return keys;
    };
    expect(await cache.getOrSetMany(['new', 'outdated', 'newer'], load)).toEqual(['new', 'outdated', 'newer']);
    expect(calls).toEqual([['new', 'outdated', 'newer']]);
  });

  it('are loaded by the keys as they were at call time', async () => {
    const keys: [string, { page: number }][] = [
      ['list', { page: 1 }],
      ['list', { page: 2 }],
    ];
    const call = cache.getOrSetMany(keys, (missing) => missing.map(([, { page }]) => page));
    for (const [, part] of keys) part.page = 9;
    keys.length = 0;
    expect(await call).toEqual([1, 2]);
    expect(await cache.get(['list', { page: 1 }])).toBe(1);
  });

  it('settle for each caller and leave no lease, however their keys overlap and whoever fails or gives up', async () => {
    const caller = fc.record({
      at: fc.nat(1),
      keys: fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 }),
      ends: fc.constantFrom('well', 'well', 'badly', 'early'),
    });
    const callers = fc.array(caller, { minLength: 2, maxLength: 5 });
    const property = fc.asyncProperty(fc.scheduler(), callers, async (scheduler, calls) => {
      const world = new World(placeUnder(scheduler, { leaseTtl: 60 }));
      const names = ['a', 'b', 'c'];
      // Processes that create counters at once may load twice.
      await createCache(world.backend).setMany(names.map((key) => [key, 'old']));
      await world.backend.deleteMany(names);
      const processes = [world.process(), world.process()] as const;
      const loaded: string[] = [];
      const outcomes: unknown[] = [];
      const [failure, gone] = [new Error('no'), new Error('gone')];
      for (const { at, keys, ends } of calls) {
        const process = processes[at] as Process;
        const controller = new AbortController();
        const load = async (missing: readonly string[]): Promise<readonly string[]> => {
          loaded.push(...missing);
          await world.step('load', process);
          if (ends === 'badly') throw failure;
          return missing;
        };
        if (ends === 'early') void world.step('give up', process).then(() => controller.abort(gone));
        void world
          .step('call', process)
          .then(() => process.cache.getOrSetMany(keys, load, { signal: controller.signal }))
          .then((values) => expect(values).toEqual(keys))
          .then(() => outcomes.push('well'))
          .catch((error: unknown) => outcomes.push(error));
      }
      await scheduler.waitIdle();
      expect(outcomes.length).toBe(calls.length);
      expect(['well', failure, gone]).toEqual(expect.arrayContaining(outcomes));
      if (calls.every(({ ends }) => ends === 'well')) expect(loaded.length).toBe(new Set(loaded).size);
      const leases = names.map((key) => `!l:${key}`);
      expect(await world.backend.multiGetValues(leases)).toEqual(leases.map(() => undefined));
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it('join the loads of others', async () => {
    const slow = pending<string>();
    const single = cache.getOrSet('a', () => slow.promise);
    await settled();
    const calls: (readonly string[])[] = [];
    const many = cache.getOrSetMany(['a', 'b'], (keys) => {
      calls.push(keys);
      return keys.map((key) => `many ${key}`);
    });
    await settled();
    expect(calls).toEqual([['b']]);
    slow.resolve('single a');
    expect(await many).toEqual(['single a', 'many b']);
    expect(await single).toBe('single a');
  });

  it('reject as a whole when the loader fails or gives another number of values', async () => {
    await expect(cache.getOrSetMany(['a', 'b'], () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    for (const [values, found] of [
      [[1], 'an array of 1'],
      [new Map(), 'no array'],
    ] as const) {
      const call = cache.getOrSetMany(['a', 'b'], () => values as readonly unknown[]);
      const message = expect.stringMatching(RegExp(`must return an array of 2 values.* returned ${found}$`));
      await expect(call).rejects.toMatchObject({ code: 'INVALID_VALUE', message });
    }
    expect(await cache.getMany(['a', 'b'])).toEqual([undefined, undefined]);
  });

  it('may be loaded as promises, each of which settles for its own key', async () => {
    const failure = new Error('no b');
    const load = (keys: readonly string[]) =>
      keys.map(async (key) => {
        if (key === 'b') throw failure;
        return key;
      });
    await expect(cache.getOrSetMany(['a', 'b', 'c'], load)).rejects.toBe(failure);
    expect(await cache.getMany(['a', 'b', 'c'])).toEqual(['a', undefined, 'c']);
    // Of the wrong number: their failures are nobody's, and must not be unhandled.
    const wrong = cache.getOrSetMany(['b', 'd'], () => [Promise.reject(failure)]);
    await expect(wrong).rejects.toMatchObject({ code: 'INVALID_VALUE' });
  });

  it('reject only once all their writes have ended', async () => {
    const writes: Pending<void>[] = [];
    const write = (): Promise<void> => {
      writes.push(pending());
      return (writes.at(-1) as Pending<void>).promise;
    };
    const slow = held(memoryBackend(), (operation) => (operation === 'setValue' ? write() : undefined));
    class Money {}
    let settledAs = '';
    const calls = [
      createCache(slow).getOrSetMany(['a', 'b'], () => [new Money(), 1]),
      createCache(slow).getOrSetMany(['c', 'd'], () => [1, new Money()]),
    ].map((call, index) =>
      call.catch((error: CacheError) => {
        settledAs += `${index} ${error.code} ${error.key} `;
      }),
    );
    await settled();
    expect([writes.length, settledAs]).toEqual([2, '']);
    for (const { resolve } of writes) resolve();
    await Promise.all(calls);
    expect(settledAs).toBe('0 INVALID_VALUE a 1 INVALID_VALUE d ');
  });

  it('do not call their loader after they have rejected', async () => {
    const calls: (readonly string[])[] = [];
    const [elsewhere, backend] = [pending<string>(), memoryBackend({ now: clock.now })];
    const failing = createCache(backend, { clock }).getOrSet('a', () => elsewhere.promise);
    await settled();
    const many = createCache(backend, { clock }).getOrSetMany(['a', 'b'], (keys) => {
      calls.push(keys);
      throw new Error(`no ${keys}`);
    });
    const rejection = expect(many)
      .rejects.toThrow('no a')
      .then(() => calls.push(['rejected']));
    await clock.advance(100);
    elsewhere.reject(new Error('no'));
    await expect(failing).rejects.toThrow('no');
    await clock.advance(500);
    await rejection;
    expect(calls).toEqual([['b'], ['a'], ['rejected']]);
  });

  it('abort the loader’s signal when no caller waits for any of its values', async () => {
    let signal: AbortSignal | undefined;
    const controller = new AbortController();
    const call = cache.getOrSetMany(
      ['a', 'b'],
      (_keys, context) => {
        ({ signal } = context);
        return new Promise<string[]>(() => undefined);
      },
      { signal: controller.signal },
    );
    await settled();
    const joining = new AbortController();
    const joined = cache.getOrSet('b', () => 'never', { signal: joining.signal });
    await settled();
    controller.abort(new Error('gone'));
    await expect(call).rejects.toThrow('gone');
    expect(signal?.aborted).toBe(false);
    joining.abort(new Error('gone too'));
    await expect(joined).rejects.toThrow('gone too');
    expect(signal?.aborted).toBe(true);
  });
});
