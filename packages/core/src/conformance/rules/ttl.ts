import type { Rule, Trial } from '../rule.ts';
import { whileAlive } from '../while-alive.ts';

/** Seconds. The shortest TTL within which a slow machine can still read the entry. */
const SHORT = 1;
const DAY = 86_400;

/** TTLs that careless backends mistake for dates, or that overflow 32-bit timers. */
const long: readonly [id: string, what: string, ttl: number][] = [
  ['30-days', '30 days', 30 * DAY],
  ['30-days-and-1', '30 days and a second', 30 * DAY + 1],
  ['45-days', '45 days', 45 * DAY],
  ['366-days', '366 days', 366 * DAY],
  ['10-years', '10 years', 3650 * DAY],
  ['longest', '1,000,000,000 seconds', 1_000_000_000],
];

const illegal: readonly unknown[] = [
  0,
  -0,
  -1,
  -0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  1_000_000_000.5,
  1_000_000_001,
  '5',
  null,
  true,
  {},
  5n,
];

/** Fails unless the key is absent for every operation. */
async function gone({ cache, capabilities, equal }: Trial, key: string): Promise<void> {
  equal([await cache.getValue(key), await cache.multiGetValues([key])], [undefined, [undefined]]);
  equal([await cache.exists(key), await cache.delete(key), await cache.deleteMany([key])], [false, 0, 0]);
  if (capabilities.atomicIncr) equal(await cache.incr(key, 7), 7);
}

export const ttl: readonly Rule[] = [
  {
    id: 'ttl/expires',
    text: 'an entry lives until its TTL is over, and is then gone for every operation',
    why: 'A TTL is in seconds.',
    waits: true,
    run: async (trial) => {
      const { cache, equal, wait, outlive } = trial;
      const since = performance.now();
      await cache.setValue('k', 'v', { ttl: 2 });
      for (let look = 0; look < 2; look++) {
        await whileAlive(2, since, async () => {
          const value = await cache.getValue('k');
          return () => equal(value, 'v');
        });
        if (look === 0) await wait(1);
      }
      await outlive(1);
      await gone(trial, 'k');
    },
  },
  {
    id: 'ttl/batch-expires',
    text: 'the TTL of a batch applies to all its entries',
    waits: true,
    run: async (trial) => {
      const { cache, equal, outlive } = trial;
      const since = performance.now();
      await cache.multiSetValues(
        [
          ['a', 1],
          ['b', 'two'],
          ['c', null],
        ],
        { ttl: SHORT },
      );
      await whileAlive(SHORT, since, async () => {
        const values = await cache.multiGetValues(['a', 'b', 'c']);
        return () => equal(values, [1, 'two', null]);
      });
      await outlive(SHORT);
      for (const key of ['a', 'b', 'c']) await gone(trial, key);
    },
  },
  {
    id: 'ttl/none-stays',
    text: 'an entry without a TTL stays while others expire',
    waits: true,
    run: async ({ cache, equal, outlive }) => {
      await cache.setValue('short', 1, { ttl: SHORT });
      await cache.setValue('k', 1);
      await cache.setValue('u', 1, { ttl: undefined });
      await cache.multiSetValues([['m', 1]], {});
      await outlive(SHORT);
      equal(await cache.multiGetValues(['k', 'u', 'm', 'short']), [1, 1, 1, undefined]);
    },
  },
  {
    id: 'ttl/whole-second-lives',
    text: 'a TTL of 1 is never cut short, at whatever fraction of a second it starts',
    why: 'With a clock that ticks once a second, a plain TTL of 1 lasts 10 to 990 ms.',
    waits: true,
    run: async ({ cache, equal, wait }) => {
      for (let moment = 0; moment < 5; moment++) {
        const since = performance.now();
        await cache.setValue('k', moment, { ttl: 1 });
        await wait(0.9);
        await whileAlive(1, since, async () => {
          const value = await cache.getValue('k');
          return () => equal(value, moment);
        });
      }
    },
  },
  {
    id: 'ttl/fraction',
    text: 'a TTL may be a fraction of a second, after which the entry expires',
    why: 'A TTL is rounded up: an entry may outlive it by less than capabilities.ttlGranularity seconds, and never expires early.',
    waits: true,
    run: async (trial) => {
      const since = performance.now();
      await trial.cache.setValue('k', 1, { ttl: 0.4 });
      await whileAlive(0.4, since, async () => {
        const value = await trial.cache.getValue('k');
        return () => trial.equal(value, 1);
      });
      await trial.cache.setValue('l', 1, { ttl: 1.5 });
      await trial.wait(1.3);
      await whileAlive(1.5, since, async () => {
        const value = await trial.cache.getValue('l');
        return () => trial.equal(value, 1);
      });
      await trial.outlive(0.2);
      await gone(trial, 'k');
      await gone(trial, 'l');
    },
  },
  {
    id: 'ttl/tiny',
    text: 'a TTL between two steps of the backend is rounded up, never to 0',
    why: 'An entry may outlive its TTL by less than capabilities.ttlGranularity seconds.',
    waits: true,
    run: async (trial) => {
      const { cache, capabilities, equal, instant, outlive, wait } = trial;
      await cache.setValue('k', 1, { ttl: 0.0001 });
      await cache.multiSetValues([['m', 1]], { ttl: 1e-9 });
      await outlive(0.01);
      await gone(trial, 'k');
      await gone(trial, 'm');
      if (!instant) return;
      await cache.setValue('k', 1, { ttl: capabilities.ttlGranularity * 1.5 });
      await wait(capabilities.ttlGranularity * 1.4);
      equal(await cache.getValue('k'), 1);
    },
  },
  {
    id: 'ttl/replaced-by-set',
    text: 'a set without a TTL removes the TTL of the entry it replaces',
    why: 'The TTL belongs to the value, not to the key.',
    waits: true,
    run: async ({ cache, equal, outlive }) => {
      await cache.setValue('k', 'old', { ttl: SHORT });
      await cache.setValue('k', 'new');
      await outlive(SHORT);
      equal(await cache.getValue('k'), 'new');
    },
  },
  {
    id: 'ttl/replaced-by-batch',
    text: 'a batch without a TTL removes the TTLs of the entries it replaces',
    waits: true,
    run: async ({ cache, equal, outlive }) => {
      await cache.multiSetValues(
        [
          ['a', 1],
          ['b', 1],
        ],
        { ttl: SHORT },
      );
      await cache.multiSetValues([
        ['a', 2],
        ['b', 2],
      ]);
      await outlive(SHORT);
      equal(await cache.multiGetValues(['a', 'b']), [2, 2]);
    },
  },
  {
    id: 'ttl/concurrent',
    text: 'concurrent sets, batches and increments each keep their own TTL',
    waits: true,
    run: async ({ cache, capabilities, equal, outlive }) => {
      const writes: readonly ((name: string, ttl?: number) => Promise<unknown>)[] = [
        (name, ttl) => cache.setValue(`set ${name}`, 1, { ttl }),
        (name, ttl) => cache.multiSetValues([[`batch ${name}`, 1]], { ttl }),
        (name, ttl) =>
          capabilities.atomicIncr ? cache.incr(`incr ${name}`, 1, { ttl }) : cache.setValue(`incr ${name}`, 1, { ttl }),
      ];
      await Promise.all(writes.flatMap((write) => [write('long', 600), write('short', SHORT), write('ever')]));
      await outlive(SHORT);
      const keys = ['set', 'batch', 'incr'].flatMap((what) => [`${what} long`, `${what} short`, `${what} ever`]);
      equal(
        await cache.multiGetValues(keys),
        writes.flatMap(() => [1, undefined, 1]),
      );
    },
  },
  {
    id: 'ttl/longer-set',
    text: 'a later set with a longer TTL takes effect',
    waits: true,
    run: async ({ cache, equal, outlive }) => {
      await cache.setValue('k', 'old', { ttl: SHORT });
      await cache.setValue('k', 'new', { ttl: 600 });
      await outlive(SHORT);
      equal(await cache.getValue('k'), 'new');
    },
  },
  {
    id: 'ttl/shorter-set',
    text: 'a later set with a shorter TTL takes effect',
    waits: true,
    run: async (trial) => {
      await trial.cache.setValue('k', 'old', { ttl: 600 });
      await trial.cache.setValue('k', 'new', { ttl: SHORT });
      await trial.outlive(SHORT);
      await gone(trial, 'k');
    },
  },
  {
    id: 'ttl/added-by-set',
    text: 'a set with a TTL gives one to an entry that had none',
    waits: true,
    run: async (trial) => {
      await trial.cache.setValue('k', 'old');
      await trial.cache.setValue('k', 'new', { ttl: SHORT });
      await trial.cache.setValue('n', 1);
      await trial.cache.multiSetValues([['n', 2]], { ttl: SHORT });
      await trial.outlive(SHORT);
      await gone(trial, 'k');
      await gone(trial, 'n');
    },
  },
  {
    id: 'ttl/not-extended-by-read',
    text: 'a read never extends a TTL',
    waits: true,
    run: async (trial) => {
      const { cache, wait, outlive } = trial;
      await cache.setValue('k', 1, { ttl: 2 });
      for (let half = 0; half < 3; half++) {
        await wait(0.5);
        await cache.getValue('k');
        await cache.exists('k');
        await cache.multiGetValues(['k']);
      }
      await outlive(0.5);
      await gone(trial, 'k');
    },
  },
  {
    id: 'ttl/gone-with-its-entry',
    text: 'the TTL of a deleted entry does not outlive it',
    waits: true,
    run: async ({ cache, capabilities, equal, outlive }) => {
      const since = performance.now();
      await cache.multiSetValues(
        ['a', 'b', 'c'].map((key) => [key, 1] as const),
        { ttl: SHORT },
      );
      await whileAlive(SHORT, since, async () => {
        const counts = [await cache.delete('a'), await cache.deleteMany(['b', 'c'])];
        return () => equal(counts, [1, 2]);
      });
      await cache.setValue('a', 2);
      await cache.multiSetValues([['b', 2]]);
      if (capabilities.atomicIncr) await cache.incr('c', 2);
      else await cache.setValue('c', 2);
      await outlive(SHORT);
      equal(await cache.multiGetValues(['a', 'b', 'c']), [2, 2, 2]);
    },
  },
  {
    id: 'ttl/expired-is-absent',
    text: 'the expiry of an old entry does not affect a new one under its key',
    waits: true,
    run: async ({ cache, equal, outlive }) => {
      await cache.setValue('k', 'old', { ttl: 0.3 });
      await outlive(0.3);
      await cache.setValue('k', 'new');
      await outlive(0.3);
      equal(await cache.getValue('k'), 'new');
    },
  },
  {
    id: 'ttl/thousand-expire',
    text: 'a thousand entries with the same TTL all expire',
    waits: true,
    run: async ({ cache, equal, outlive }) => {
      const keys = Array.from({ length: 1000 }, (_, index) => `k${index}`);
      await cache.multiSetValues(
        keys.map((key) => [key, key] as const),
        { ttl: SHORT },
      );
      await outlive(SHORT);
      equal(
        (await cache.multiGetValues(keys)).filter((value) => value !== undefined),
        [],
      );
    },
  },
  {
    id: 'ttl/once-gone-stays-gone',
    text: 'an expired entry does not come back',
    waits: true,
    run: async ({ cache, wait, capabilities, holds }) => {
      await cache.setValue('k', 1, { ttl: 0.5 });
      let missed = false;
      for (let step = 0; step < 10 + capabilities.ttlGranularity * 10; step++) {
        const value = await cache.getValue('k');
        if (value === undefined) missed = true;
        else holds(!missed, 'a miss to be followed by misses');
        await wait(0.1);
      }
    },
  },
  ...long.map(
    ([id, what, seconds]): Rule => ({
      id: `ttl/lives-${id}`,
      text: `a TTL of ${what} is not taken for a date in the past and does not overflow a timer`,
      waits: true,
      run: async ({ cache, capabilities, equal, instant, outlive, wait }) => {
        await cache.setValue('k', 'v', { ttl: seconds });
        await cache.multiSetValues([['m', 'v']], { ttl: seconds });
        if (capabilities.atomicIncr) await cache.incr('n', 1, { ttl: seconds });
        else await cache.setValue('n', 1, { ttl: seconds });
        equal(await cache.multiGetValues(['k', 'm', 'n']), ['v', 'v', 1]);
        await wait(instant ? seconds - 1 : 0.1);
        equal(await cache.multiGetValues(['k', 'm', 'n']), ['v', 'v', 1]);
        if (!instant) return;
        await outlive(1);
        equal(await cache.multiGetValues(['k', 'm', 'n']), [undefined, undefined, undefined]);
      },
    }),
  ),
  {
    id: 'ttl/refused',
    text: 'a TTL that is not a number above 0 and up to 1,000,000,000 rejects INVALID_TTL, and nothing is written',
    why: 'In some caches 0 means "already expired", in others "never expires".',
    run: async ({ cache, equal, rejects }) => {
      await cache.setValue('k', 'old');
      for (const ttl of illegal as readonly number[]) {
        await rejects(cache.setValue('k', 'new', { ttl }), 'INVALID_TTL');
        await rejects(
          cache.multiSetValues(
            [
              ['k', 'new'],
              ['l', 1],
            ],
            { ttl },
          ),
          'INVALID_TTL',
        );
        await rejects(cache.incr('n', 1, { ttl }), 'INVALID_TTL');
      }
      equal(await cache.multiGetValues(['k', 'l', 'n']), ['old', undefined, undefined]);
    },
  },
  {
    id: 'ttl/given-by-name',
    text: 'a TTL passed as a number instead of an option rejects INVALID_TTL',
    run: async ({ cache, equal, rejects }) => {
      await rejects(cache.setValue('k', 1, 60 as never), 'INVALID_TTL');
      await rejects(cache.multiSetValues([['k', 1]], 60 as never), 'INVALID_TTL');
      equal(await cache.exists('k'), false);
    },
  },
];
