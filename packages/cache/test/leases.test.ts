import { memoryUsage } from 'node:process';
import { type CacheBackend, CacheError, observed, scoped } from '@ninefold/core';
import { memoryBackend } from '@ninefold/memory';
import { collectGarbage } from '@ninefold/tooling/testing/kept';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Cache, type CacheOptions, createCache } from '../src/cache.ts';
import { held } from './support/held.ts';
import { ManualClock, settled } from './support/manual-clock.ts';
import { pending } from './support/pending.ts';

let clock: ManualClock;
let backend: CacheBackend;

beforeEach(() => {
  clock = new ManualClock();
  backend = memoryBackend({ now: clock.now });
});

/** A process that shares its entries with others. */
function process(options: CacheOptions = {}): Cache {
  return createCache(backend, { clock, leaseTtl: 10, ...options });
}

describe('several processes', () => {
  it('load a missing key once for all their callers', async () => {
    let loads = 0;
    const slow = pending<string>();
    const load = (): Promise<string> => {
      loads += 1;
      return slow.promise;
    };
    const calls = Array.from({ length: 4 }, () => process()).flatMap((cache) =>
      Array.from({ length: 50 }, () => cache.getOrSet('k', load, { tags: ['t'] })),
    );
    await clock.advance(500);
    slow.resolve('value');
    await clock.advance(500);
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['value']));
    expect(loads).toBe(1);
  });

  it('load in a batch the keys that no other loads, and wait for the rest', async () => {
    const slow = pending<string>();
    const first = process().getOrSet('a', () => slow.promise);
    await settled();
    const calls: (readonly string[])[] = [];
    const many = process().getOrSetMany(['a', 'b', 'c'], (keys) => {
      calls.push(keys);
      return keys.map((key) => `many ${key}`);
    });
    await settled();
    expect(calls).toEqual([['b', 'c']]);
    slow.resolve('first a');
    await first;
    await clock.advance(500);
    expect(await many).toEqual(['first a', 'many b', 'many c']);
    expect(calls.length).toBe(1);
  });

  describe('load by one call the keys that others have not loaded after all', () => {
    let calls: (readonly string[])[];
    const load = (keys: readonly string[]): string[] => {
      calls.push(keys);
      return keys.map((key) => `many ${key}`);
    };
    const values = ['many a', 'many b', 'many c'];

    beforeEach(() => {
      calls = [];
    });

    it('because their loader failed', async () => {
      const slow = pending<string[]>();
      const failing = process().getOrSetMany(['a', 'b'], () => slow.promise);
      await settled();
      const many = process().getOrSetMany(['a', 'b', 'c'], load);
      await clock.advance(100);
      slow.reject(new Error('no'));
      await expect(failing).rejects.toThrow('no');
      await clock.advance(500);
      expect(await many).toEqual(values);
      expect(calls).toEqual([['c'], ['a', 'b']]);
    });

    it('because they died', async () => {
      void process().getOrSetMany(['a', 'b', 'c'], () => new Promise<never>(() => undefined));
      await settled();
      const many = process().getOrSetMany(['a', 'b', 'c'], load);
      await clock.advance(10_500);
      expect(await many).toEqual(values);
      expect(calls).toEqual([['a', 'b', 'c']]);
    });

    it('within waitMs', async () => {
      void process().getOrSetMany(['a', 'b', 'c'], () => new Promise<never>(() => undefined));
      await settled();
      const many = process({ waitMs: 1000 }).getOrSetMany(['a', 'b', 'c'], load);
      await clock.advance(1500);
      expect(await many).toEqual(values);
      expect(calls).toEqual([['a', 'b', 'c']]);
    });

    it('which fail one after the other, by one call each', async () => {
      const [a, b] = [pending<string>(), pending<string>()];
      const failing = [process().getOrSet('a', () => a.promise), process().getOrSet('b', () => b.promise)];
      const outcomes = Promise.allSettled(failing);
      await settled();
      const many = process().getOrSetMany(['a', 'b', 'c'], load);
      await clock.advance(300);
      a.reject(new Error('no'));
      await clock.advance(500);
      expect(calls).toEqual([['c'], ['a']]);
      b.reject(new Error('no'));
      await clock.advance(500);
      expect(await many).toEqual(values);
      expect(calls).toEqual([['c'], ['a'], ['b']]);
      await outcomes;
    });
  });

  it('read the keys that a batch waits for together', async () => {
    const slow = pending<number[]>();
    const keys = Array.from({ length: 50 }, (_, index) => `k${index}`);
    const loading = process().getOrSetMany(keys, () => slow.promise);
    await settled();
    let looks = 0;
    const watched = observed(backend, ({ operation }) => {
      if (operation === 'multiGetValues') looks += 1;
    });
    const many = createCache(watched, { clock, random: () => 0.5 }).getOrSetMany(keys, () => []);
    await clock.advance(2000);
    slow.resolve(keys.map((_key, index) => index));
    await loading;
    await clock.advance(200);
    expect(await many).toEqual(keys.map((_key, index) => index));
    // As often as for a single key.
    expect(looks).toBeLessThan(25);
  });

  it('look for the value and the lease without writing while they wait', async () => {
    const slow = pending<string>();
    const loading = process().getOrSet('k', () => slow.promise);
    await settled();
    const writes: string[] = [];
    const watched = observed(backend, ({ operation }) => {
      if (operation !== 'multiGetValues' && operation !== 'exists') writes.push(operation);
    });
    const waiting = createCache(watched, { clock }).getOrSet('k', () => 'mine');
    await settled();
    // It has asked for the lease once.
    expect(writes).toEqual(['incr']);
    await clock.advance(5000);
    slow.resolve('value');
    await loading;
    await clock.advance(200);
    expect(await waiting).toBe('value');
    expect(writes).toEqual(['incr']);
  });

  it('load soon after another’s loader has failed', async () => {
    const slow = pending<string>();
    const failing = process().getOrSet('k', () => slow.promise);
    await settled();
    const waiting = process().getOrSet('k', () => 'mine');
    await clock.advance(100);
    slow.reject(new Error('no'));
    await expect(failing).rejects.toThrow('no');
    await clock.advance(300);
    expect(await waiting).toBe('mine');
  });

  it('replace a holder that died when its lease ends, and not before', async () => {
    void process().getOrSet('k', () => new Promise(() => undefined));
    await settled();
    let loads = 0;
    const load = (): string => `load ${++loads}`;
    const calls = [process(), process()].map((cache) => cache.getOrSet('k', load));
    await clock.advance(9900);
    expect(loads).toBe(0);
    await clock.advance(1000);
    expect(await Promise.all(calls)).toEqual(['load 1', 'load 1']);
  });

  it('do not release the lease of the one that replaced them', async () => {
    const slow = pending<string>();
    const overdue = process().getOrSet('k', () => slow.promise);
    await clock.advance(10_001);
    const second = pending<string>();
    const replacing = process().getOrSet('k', () => second.promise);
    await settled();
    slow.reject(new Error('late'));
    await expect(overdue).rejects.toThrow('late');
    await settled();
    expect(await backend.exists('!l:k')).toBe(true);
    second.resolve('value');
    expect(await replacing).toBe('value');
    await settled();
    expect(await backend.exists('!l:k')).toBe(false);
  });
});

it('a load that its own process deleted leaves the lease of the next one alone', async () => {
  const [slow, next] = [pending<string>(), pending<string>()];
  const deleting = process();
  const early = deleting.getOrSet('k', () => slow.promise);
  await settled();
  await deleting.delete('k');
  const late = process().getOrSet('k', () => next.promise);
  await settled();
  slow.resolve('old');
  expect(await early).toBe('old');
  await settled();
  expect(await backend.exists('!l:k')).toBe(true);
  next.resolve('new');
  expect(await late).toBe('new');
  expect(await backend.exists('!l:k')).toBe(false);
});

describe('a load that gets its lease while its own process deletes it leaves no lease behind, and that of the next one alone,', () => {
  it.each([
    ['in order', ['acquire', 'delete', 'acquired', 'deleted']],
    // Over HTTP, requests and replies can overtake each other.
    ['if the delete is answered first', ['acquire', 'delete', 'deleted', 'acquired']],
    ['if the delete is executed first', ['delete', 'acquire', 'acquired', 'deleted']],
    ['if the delete is over first', ['delete', 'deleted', 'acquire', 'acquired']],
  ] as const)('%s', async (_order, order) => {
    const gates = {
      acquire: pending<void>(),
      acquired: pending<void>(),
      delete: pending<void>(),
      deleted: pending<void>(),
    };
    const [slow, next] = [pending<string>(), pending<string>()];
    const far = held(
      backend,
      (operation, [key]) => {
        if (key === '!l:k') return gates.acquired.promise;
        return operation === 'deleteMany' ? gates.deleted.promise : undefined;
      },
      (operation, [key]) => {
        if (key === '!l:k') return gates.acquire.promise;
        return operation === 'deleteMany' ? gates.delete.promise : undefined;
      },
    );
    const deleting = createCache(far, { clock });
    const early = deleting.getOrSet('k', () => slow.promise);
    await settled();
    const deletion = deleting.delete('k');
    await settled();
    for (const gate of order) {
      gates[gate].resolve();
      await settled();
    }
    await deletion;
    expect(await backend.exists('!l:k')).toBe(false);
    const late = process().getOrSet('k', () => next.promise);
    await settled();
    slow.resolve('old');
    expect(await early).toBe('old');
    await settled();
    expect(await backend.exists('!l:k')).toBe(true);
    next.resolve('new');
    expect(await late).toBe('new');
    expect(await backend.exists('!l:k')).toBe(false);
  });
});

it.each([
  ['TIMEOUT', true, 'gives it back, so that nobody waits for it', { value: 'value' }, false],
  ['TIMEOUT', false, 'leaves it to the load that has it', { value: 'value' }, true],
  ['CLOSED', true, 'makes no request that can only fail', { reason: { code: 'CLOSED' } }, true],
] as const)(
  'a load whose request for its lease failed, %s, maybeApplied: %j, %s',
  async (code, maybeApplied, _what, outcome, isLeft) => {
    const error = new CacheError({ code, backend: 'memory', operation: 'incr', reason: 'no reply', maybeApplied });
    const failing = held(backend, (operation, [name]) => {
      if (operation === 'incr' && name === '!l:k') return Promise.reject(error);
      // The server may be silent now: nobody waits for the lease to be given back.
      return operation === 'delete' ? new Promise(() => undefined) : undefined;
    });
    const load = createCache(failing, { clock }).getOrSet('k', () => 'value');
    expect(await Promise.allSettled([load])).toMatchObject([outcome]);
    await settled();
    expect(await backend.exists('!l:k')).toBe(isLeft);
  },
);

it('a load whose read after it got its lease fails gives it back, and does not wait for that', async () => {
  const released = pending<void>();
  let reads = 0;
  const failing = held(backend, (operation) => {
    const error = new CacheError({ code: 'TIMEOUT', backend: 'memory', operation: 'multiGetValues', reason: 'late' });
    if (operation === 'multiGetValues' && ++reads === 2) return Promise.reject(error);
    return operation === 'delete' ? released.promise : undefined;
  });
  expect(await createCache(failing, { clock }).getOrSet('k', () => 'value')).toBe('value');
  expect(await backend.exists('!l:k')).toBe(false);
  released.resolve();
});

it('a load that could not look for the lease does not serve callers that come after a delete elsewhere', async () => {
  const [elsewhere, own, read] = [pending<string>(), pending<string>(), pending<void>()];
  const other = process().getOrSet('k', () => elsewhere.promise);
  await settled();
  let waiting = false;
  const failing = held(backend, (operation) => {
    const error = new CacheError({ code: 'UNAVAILABLE', backend: 'memory', operation: 'exists', reason: 'down' });
    if (operation === 'exists') return Promise.reject(error);
    return waiting && operation === 'multiGetValues' ? read.promise : undefined;
  });
  const cache = createCache(failing, { clock });
  const early = cache.getOrSet('k', () => own.promise);
  await settled();
  waiting = true;
  await clock.advance(200);
  waiting = false;
  read.resolve();
  await settled();
  await process().delete('k');
  const late = cache.getOrSet('k', () => 'new');
  await settled();
  own.resolve('old');
  expect(await early).toBe('old');
  expect(await late).toBe('new');
  elsewhere.resolve('other');
  await other;
});

it('a load gives its lease back if a delete beside it has failed', async () => {
  const error = new CacheError({ code: 'UNAVAILABLE', backend: 'memory', operation: 'deleteMany', reason: 'down' });
  const right = held(backend, () => undefined);
  const failing = new Proxy(right, {
    get: (target, property) =>
      property === 'deleteMany' ? () => Promise.reject(error) : Reflect.get(target, property, target),
  });
  const deleting = createCache(failing, { clock });
  const slow = pending<string>();
  const load = deleting.getOrSet('k', () => slow.promise);
  await settled();
  await expect(deleting.delete('k')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  slow.resolve('value');
  expect(await load).toBe('value');
  expect(await backend.exists('!l:k')).toBe(false);
});

it('a load that begins during a delete is stored, and gives its lease back', async () => {
  const [answer, slow] = [pending<void>(), pending<string>()];
  const far = held(backend, (operation) => (operation === 'deleteMany' ? answer.promise : undefined));
  const deleting = createCache(far, { clock });
  const deletion = deleting.delete('k');
  await settled();
  const load = deleting.getOrSet('k', () => slow.promise);
  await settled();
  answer.resolve();
  await deletion;
  slow.resolve('value');
  expect(await load).toBe('value');
  expect(await process().get('k')).toBe('value');
  expect(await backend.exists('!l:k')).toBe(false);
});

describe('a process does not wait for a lease that it could not delete', () => {
  const refused = new Error('no');
  /** Whose replies are lost (`incr`), or requests (`delete`). */
  let failing: readonly ('incr' | 'delete')[];
  let errors: CacheError[];
  let own: Cache;

  beforeEach(() => {
    const down = (operation: 'incr' | 'delete', maybeApplied: boolean): Promise<never> | undefined => {
      const reason = maybeApplied ? 'no reply' : 'no connection';
      const key = '!l:k';
      const error = new CacheError({ code: 'TIMEOUT', backend: 'memory', operation, reason, key, maybeApplied });
      return failing.includes(operation) ? Promise.reject(error) : undefined;
    };
    const far = held(
      backend,
      (operation, [key]) => (operation === 'incr' && key === '!l:k' ? down(operation, true) : undefined),
      (operation) => (operation === 'delete' ? down(operation, false) : undefined),
    );
    errors = [];
    own = createCache(far, { clock, onError: (error) => errors.push(error) });
    failing = ['incr', 'delete'];
  });

  it('after the reply to taking it was lost', async () => {
    expect(await own.getOrSet('k', () => 1)).toBe(1);
    await settled();
    expect(await backend.getValue('!l:k')).toBe(1);
    failing = [];
    expect(await own.getOrSet('k', () => 2)).toBe(2);
    expect(await process().get('k')).toBe(2);
    expect(await backend.exists('!l:k')).toBe(false);
  });

  it('after a load', async () => {
    const load = async () => {
      failing = ['delete'];
      throw refused;
    };
    failing = [];
    await expect(own.getOrSet('k', load)).rejects.toBe(refused);
    expect(await backend.getValue('!l:k')).toBe(1);
    expect(errors).toMatchObject([{ code: 'TIMEOUT', operation: 'delete', key: 'k' }]);
    failing = [];
    expect(await own.getOrSet('k', () => 2)).toBe(2);
    expect(await backend.exists('!l:k')).toBe(false);
  });

  it('and once that has ended, leaves the next one to the load that has it', async () => {
    await own.getOrSet('k', () => 1);
    await clock.advance(5000);
    failing = [];
    const [slow, next] = [pending<number>(), pending<number>()];
    const overdue = own.getOrSet('k', () => slow.promise);
    await clock.advance(5001);
    const loading = process().getOrSet('k', () => next.promise);
    await settled();
    slow.resolve(2);
    expect(await overdue).toBe(2);
    expect(await backend.exists('!l:k')).toBe(true);
    next.resolve(3);
    await loading;
  });

  it('after a load that was outdated while another call waited', async () => {
    const load = pending<number>();
    failing = [];
    const outdated = own.getOrSet('k', () => load.promise, { tags: ['t'] });
    await settled();
    await own.invalidateTags('t');
    const waiting = own.getOrSet('k', () => 2);
    await settled();
    failing = ['delete'];
    load.resolve(1);
    await outdated;
    failing = [];
    await clock.advance(200);
    expect(await waiting).toBe(2);
  });

  it.each([
    ['once it has taken it', () => own.getOrSet('k', () => 2)],
    [
      'once it could delete it',
      async () => {
        failing = ['incr'];
        await own.getOrSet('k', () => 2);
        await settled();
        failing = [];
      },
    ],
    ['once it is deleted', () => own.delete('k')],
    ['once it has ended', () => clock.advance(10_000)],
  ])('and waits for the next one, which is another’s, %s', async (_when, end) => {
    await own.getOrSet('k', () => 1);
    await settled();
    failing = [];
    await end();
    await process().delete('k');
    const load = pending<number>();
    const loading = process().getOrSet('k', () => load.promise);
    await settled();
    let loads = 0;
    const waiting = own.getOrSet('k', () => ++loads);
    await clock.advance(1000);
    expect(loads).toBe(0);
    load.resolve(3);
    await clock.advance(1000);
    expect(await Promise.all([loading, waiting])).toEqual([3, 3]);
  });
});

it('nothing is kept of leases that have ended, although they could not be deleted', async () => {
  const error = new CacheError({
    code: 'TIMEOUT',
    backend: 'memory',
    operation: 'incr',
    reason: 'down',
    maybeApplied: true,
  });
  const down = held(
    backend,
    () => undefined,
    (operation) => (['incr', 'delete'].includes(operation) ? Promise.reject(error) : undefined),
  );
  const cache = createCache(down, { clock });
  const heapAfter = async (loads: number): Promise<number> => {
    for (let load = 0; load < loads; load++) await cache.getOrSet(`${load}`.padStart(7000, 'k'), () => load);
    await clock.advance(10_001);
    await cache.getOrSet('k', () => 1);
    await settled();
    collectGarbage();
    return memoryUsage().heapUsed;
  };
  const before = await heapAfter(100);
  expect((await heapAfter(1000)) - before).toBeLessThan(3_000_000);
});

it.each([
  ['', async () => undefined],
  [' that it has outdated', (cache: Cache) => cache.invalidateTags('t')],
])('a cache that is closed during a load%s gives its lease back', async (_which, outdate) => {
  // A scope of its own, so that the close leaves the backend open.
  const closing = createCache(scoped(backend, 'of-all'), { clock });
  void closing.getOrSet('k', () => new Promise(() => undefined), { tags: ['t'] });
  await settled();
  await outdate(closing);
  await closing.close();
  expect(await createCache(scoped(backend, 'of-all'), { clock }).getOrSet('k', () => 'value')).toBe('value');
});

it('a cache that is closed while it requests a lease gives it back', async () => {
  const answer = pending<void>();
  const far = held(scoped(backend, 'of-all'), (operation) => (operation === 'incr' ? answer.promise : undefined));
  const closing = createCache(far, { clock });
  const call = closing.getOrSet('k', () => 'never');
  await settled();
  await closing.close();
  answer.resolve();
  await expect(call).rejects.toMatchObject({ code: 'CLOSED' });
  expect(await scoped(backend, 'of-all').exists('!l:k')).toBe(false);
});

describe('a wait that has lasted for waitMs', () => {
  it('ends with a load by the waiting process', async () => {
    void process().getOrSet('k', () => new Promise(() => undefined));
    await settled();
    const waiting = process({ waitMs: 2000 }).getOrSet('k', () => 'mine');
    await clock.advance(1500);
    let done = false;
    void waiting.then(() => {
      done = true;
    });
    await settled();
    expect(done).toBe(false);
    await clock.advance(1000);
    expect(await waiting).toBe('mine');
    expect(await process().get('k')).toBe('mine');
  });

  it('ends with a load by the waiting process, even if the value cannot be stored', async () => {
    void process().getOrSet('k', () => new Promise(() => undefined));
    await settled();
    const full = held(backend, (operation) =>
      operation === 'setValue'
        ? Promise.reject(new CacheError({ code: 'BACKEND', backend: 'memory', operation, reason: 'full' }))
        : undefined,
    );
    const waiting = createCache(full, { clock, waitMs: 2000 }).getOrSet('k', () => 'mine');
    await clock.advance(2500);
    expect(await waiting).toBe('mine');
  });

  it('rejects with onWaitTimeout: throw', async () => {
    void process().getOrSet('k', () => new Promise(() => undefined));
    await settled();
    let loads = 0;
    const options = { waitMs: 2000, onWaitTimeout: 'throw' } as const;
    const waiting = [
      process(options).getOrSet('k', () => ++loads),
      process(options).getOrSetMany(['k'], () => [++loads]),
    ];
    const outcomes = Promise.allSettled(waiting);
    await clock.advance(2500);
    const timeout = { code: 'TIMEOUT', backend: 'memory', retryable: true, key: 'k' };
    expect(await outcomes).toMatchObject([
      { reason: { ...timeout, operation: 'getOrSet' } },
      { reason: { ...timeout, operation: 'getOrSetMany' } },
    ]);
    expect(loads).toBe(0);
  });

  it('ends without a load if all callers gave up', async () => {
    void process().getOrSet('k', () => new Promise(() => undefined));
    await settled();
    let loads = 0;
    const controller = new AbortController();
    const waiting = process().getOrSet('k', () => ++loads, { signal: controller.signal });
    await clock.advance(100);
    controller.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    await clock.advance(200);
    const asked = await backend.getValue('!l:k');
    await clock.advance(5000);
    expect(await backend.getValue('!l:k')).toBe(asked);
    await clock.advance(60_000);
    expect(loads).toBe(0);
  });
});

it('the pauses of a wait grow to 200 ms and are spread at random', async () => {
  void process().getOrSet('k', () => new Promise(() => undefined));
  await settled();
  const pauses: number[] = [];
  const watching = {
    now: clock.now,
    wait: async (milliseconds: number) => {
      pauses.push(milliseconds);
      await clock.wait(milliseconds);
    },
  };
  let turn = 0;
  const waiting = process({ clock: watching, random: () => (turn++ % 2 === 0 ? 0 : 0.5) }).getOrSet('k', () => 'mine');
  await clock.advance(10_500);
  expect(await waiting).toBe('mine');
  expect(pauses.slice(0, 8)).toEqual([5, 15, 20, 60, 80, 150, 100, 150]);
});
