import type { Rule } from '../rule.ts';
import { whileAlive } from '../while-alive.ts';

const MAX = Number.MAX_SAFE_INTEGER;
const UNAPPLIED = 'the error to report maybeApplied: false';

/** Values that can be stored and are not safe integers. */
const noCounters: readonly unknown[] = [
  '5',
  '',
  'abc',
  ' 5',
  '05',
  1.5,
  Number.NaN,
  -0,
  true,
  null,
  { n: 1 },
  [1],
  5n,
  new Date(5),
  2 ** 53,
];

const illegal: readonly unknown[] = [
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 53,
  -(2 ** 53),
  '1',
  null,
  true,
  1n,
  {},
  [1],
];

export const counters: readonly Rule[] = [
  {
    id: 'counters/unsupported',
    text: 'incr rejects UNSUPPORTED if it would not be atomic, and changes nothing',
    when: ({ atomicIncr }) => !atomicIncr,
    run: async ({ cache, equal, rejects }) => {
      await cache.setValue('k', 1);
      for (const key of ['k', 'none'])
        for (const options of [undefined, { ttl: 60 }]) await rejects(cache.incr(key, 1, options), 'UNSUPPORTED');
      equal(await cache.multiGetValues(['k', 'none']), [1, undefined]);
    },
  },
  ...(
    [
      {
        id: 'counters/creates',
        text: 'a missing key counts as 0 and is created',
        run: async ({ cache, equal }) => {
          equal([await cache.incr('one'), await cache.incr('five', 5), await cache.incr('minus', -3)], [1, 5, -3]);
          equal(await cache.multiGetValues(['one', 'five', 'minus']), [1, 5, -3]);
        },
      },
      {
        id: 'counters/delta-zero',
        text: 'a delta of 0 creates, and changes no counter',
        run: async ({ cache, equal }) => {
          equal(await cache.incr('k', 0), 0);
          equal(await cache.exists('k'), true);
          equal([await cache.incr('k', 7), await cache.incr('k', 0)], [7, 7]);
        },
      },
      {
        id: 'counters/default-delta',
        text: 'the delta is 1 if it is omitted or undefined',
        run: async ({ cache, equal }) => {
          equal(
            [await cache.incr('k'), await cache.incr('k', undefined), await cache.incr('k', undefined, { ttl: 60 })],
            [1, 2, 3],
          );
        },
      },
      {
        id: 'counters/adds',
        text: 'deltas of either sign add up, through 0 and below',
        run: async ({ cache, equal }) => {
          const sums: number[] = [];
          for (const delta of [3, -1, -2, -5, 4, 10, -100]) sums.push(await cache.incr('k', delta));
          equal(sums, [3, 2, 0, -5, -1, 9, -91]);
          equal(await cache.getValue('k'), -91);
        },
      },
      {
        id: 'counters/on-set-value',
        text: 'incr works on an integer that was set, and a read resolves a number',
        run: async ({ cache, equal }) => {
          await cache.setValue('k', 41);
          equal(await cache.incr('k'), 42);
          equal(await cache.getValue('k'), 42);
          await cache.multiSetValues([['m', -1]]);
          equal(await cache.incr('m'), 0);
          equal(await cache.multiGetValues(['m', 'k']), [0, 42]);
        },
      },
      {
        id: 'counters/digits-shrink',
        text: 'a counter that loses digits is read correctly',
        why: 'memcached pads such a counter with spaces.',
        run: async ({ cache, equal }) => {
          await cache.setValue('k', 10);
          equal(await cache.incr('k', -1), 9);
          equal(await cache.getValue('k'), 9);
          await cache.setValue('k', 1000);
          equal(await cache.incr('k', -1000), 0);
          equal(await cache.multiGetValues(['k']), [0]);
        },
      },
      {
        id: 'counters/beyond-32-bits',
        text: 'deltas and counters beyond 32 bits are exact',
        run: async ({ cache, equal }) => {
          let sum = 0;
          for (const delta of [2 ** 32, 1, 2 ** 40 + 1, -(2 ** 41)]) {
            sum += delta;
            equal(await cache.incr('k', delta), sum);
          }
          equal(await cache.getValue('k'), sum);
        },
      },
      {
        id: 'counters/upper-end',
        text: 'counters are exact up to 2^53-1',
        run: async ({ cache, equal }) => {
          await cache.setValue('k', MAX - 50);
          for (let step = 49; step >= 0; step--) equal(await cache.incr('k'), MAX - step);
          equal(await cache.getValue('k'), MAX);
          equal(await cache.incr('new', MAX), MAX);
        },
      },
      {
        id: 'counters/lower-end',
        text: 'counters are exact down to -(2^53-1)',
        run: async ({ cache, equal }) => {
          await cache.setValue('k', -MAX + 50);
          for (let step = 49; step >= 0; step--) equal(await cache.incr('k', -1), -MAX + step);
          equal(await cache.getValue('k'), -MAX);
          equal(await cache.incr('new', -MAX), -MAX);
          equal(await cache.incr('new', MAX), 0);
        },
      },
      {
        id: 'counters/range',
        text: 'a result beyond the safe range rejects COUNTER_RANGE, and the counter stays as it was',
        run: async ({ cache, equal, holds, rejects }) => {
          for (const side of [1, -1]) {
            await cache.setValue('k', side * MAX);
            for (const delta of [side, side * MAX])
              holds(!(await rejects(cache.incr('k', delta), 'COUNTER_RANGE')).maybeApplied, UNAPPLIED);
            equal(await cache.getValue('k'), side * MAX);
            equal(await cache.incr('k', -side), side * (MAX - 1));
          }
        },
      },
      {
        id: 'counters/not-a-counter',
        text: 'incr on anything but a safe integer rejects NOT_A_COUNTER, and the value stays',
        run: async ({ cache, equal, holds, rejects }) => {
          for (const value of noCounters) {
            await cache.setValue('k', value);
            holds(!(await rejects(cache.incr('k'), 'NOT_A_COUNTER')).maybeApplied, UNAPPLIED);
            await rejects(cache.incr('k', 0, { ttl: 60 }), 'NOT_A_COUNTER');
            equal(await cache.getValue('k'), value);
          }
        },
      },
      {
        id: 'counters/refuses-delta',
        text: 'a delta that is not a safe integer rejects INVALID_DELTA, and creates nothing',
        run: async ({ cache, equal, rejects }) => {
          await cache.setValue('n', 1);
          for (const delta of illegal as readonly number[]) {
            for (const key of ['n', 'none']) await rejects(cache.incr(key, delta), 'INVALID_DELTA');
          }
          equal(await cache.multiGetValues(['n', 'none']), [1, undefined]);
        },
      },
      {
        id: 'counters/never-minus-zero',
        text: 'a counter is never -0',
        run: async ({ cache, equal }) => {
          equal(await cache.incr('k', -0), 0);
          await cache.setValue('m', 5);
          equal(await cache.incr('m', -5), 0);
          equal(await cache.incr('n', -5), -5);
          equal(await cache.incr('n', 5), 0);
          equal(await cache.multiGetValues(['k', 'm', 'n']), [0, 0, 0]);
        },
      },
      {
        id: 'counters/is-a-number',
        text: 'incr resolves a number, and so does a read of the counter',
        run: async ({ cache, equal }) => {
          const answers = [await cache.incr('k'), await cache.getValue('k'), ...(await cache.multiGetValues(['k']))];
          equal(
            answers.map((answer) => typeof answer),
            ['number', 'number', 'number'],
          );
        },
      },
      {
        id: 'counters/set-over',
        text: 'a counter can be overwritten and deleted like any entry',
        run: async ({ cache, equal, rejects }) => {
          await cache.incr('k', 5);
          await cache.setValue('k', 'text');
          equal(await cache.getValue('k'), 'text');
          await rejects(cache.incr('k'), 'NOT_A_COUNTER');
          await cache.setValue('k', 7);
          equal(await cache.incr('k'), 8);
          equal(await cache.delete('k'), 1);
          equal(await cache.incr('k'), 1);
        },
      },
      {
        id: 'counters/ttl-at-creation',
        text: 'incr applies a TTL to a counter that it creates',
        waits: true,
        run: async ({ cache, equal, outlive }) => {
          const since = performance.now();
          await whileAlive(1, since, async () => {
            const counts = [await cache.incr('k', 5, { ttl: 1 }), await cache.incr('k', 1, { ttl: 1 })];
            return () => equal(counts, [5, 6]);
          });
          equal([await cache.incr('zero', 0, { ttl: 1 }), await cache.incr('minus', -5, { ttl: 1 })], [0, -5]);
          await cache.incr('again');
          await cache.delete('again');
          equal(await cache.incr('again', 1, { ttl: 1 }), 1);
          await outlive(1);
          equal(await cache.multiGetValues(['k', 'zero', 'minus', 'again']), new Array(4).fill(undefined));
        },
      },
      {
        id: 'counters/ttl-only-at-creation',
        text: 'incr does not apply a TTL to an existing counter',
        why: 'A counter that equals the delta may be one that was 0.',
        waits: true,
        run: async ({ cache, equal, outlive }) => {
          await cache.setValue('set', 1);
          await cache.setValue('zero', 0);
          await cache.incr('made');
          for (const key of ['set', 'zero', 'made']) await cache.incr(key, 1, { ttl: 0.5 });
          await outlive(0.5);
          equal(await cache.multiGetValues(['set', 'zero', 'made']), [2, 1, 2]);
        },
      },
      {
        id: 'counters/keeps-ttl',
        text: 'incr keeps the TTL of a counter, with or without a TTL of its own',
        waits: true,
        run: async ({ cache, equal, outlive, wait }) => {
          const since = performance.now();
          await cache.setValue('a', 1, { ttl: 4 });
          await cache.setValue('b', 1, { ttl: 4 });
          await cache.incr('c', 1, { ttl: 4 });
          await wait(2);
          const wereAlive = await whileAlive(4, since, async () => {
            const [a, b] = [await cache.incr('a'), await cache.incr('b', 1, { ttl: 600 })];
            const counts = [a, b, await cache.incr('c', 1, { ttl: 600 })];
            return () => equal(counts, [2, 2, 2]);
          });
          // If not, the calls may have created new counters with a new TTL.
          if (!wereAlive) return;
          // No longer than the time left, so that a restarted TTL is detected.
          await outlive(2);
          equal(await cache.multiGetValues(['a', 'b', 'c']), [undefined, undefined, undefined]);
        },
      },
      {
        id: 'counters/no-ttl-by-default',
        text: 'a counter created without a TTL never expires',
        waits: true,
        run: async ({ cache, equal, outlive }) => {
          await cache.incr('k');
          await cache.setValue('other', 1, { ttl: 0.5 });
          await outlive(0.5);
          equal(await cache.multiGetValues(['k', 'other']), [1, undefined]);
        },
      },
      {
        id: 'counters/restarts-after-expiry',
        text: 'an expired counter or text restarts at the delta, with the TTL of that call',
        waits: true,
        run: async ({ cache, equal, outlive }) => {
          await cache.incr('k', 10, { ttl: 0.4 });
          await cache.incr('l', 10, { ttl: 0.4 });
          await cache.setValue('text', 'old', { ttl: 0.4 });
          await outlive(0.4);
          const counts = [
            await cache.incr('k', 3),
            await cache.incr('l', 3, { ttl: 0.4 }),
            await cache.incr('text', 3),
          ];
          equal(counts, [3, 3, 3]);
          await outlive(0.4);
          equal(await cache.multiGetValues(['k', 'l', 'text']), [3, undefined, 3]);
        },
      },
      {
        id: 'counters/range-keeps-ttl',
        text: 'a refused incr keeps the TTL and the value',
        waits: true,
        run: async ({ cache, equal, outlive, rejects, wait }) => {
          const since = performance.now();
          await cache.setValue('k', MAX, { ttl: 4 });
          await cache.setValue('t', '5', { ttl: 4 });
          await wait(2);
          const wereAlive = await whileAlive(4, since, async () => {
            const over = cache.incr('k', 1, { ttl: 600 });
            await Promise.allSettled([over]);
            const text = cache.incr('t', 1, { ttl: 600 });
            await Promise.allSettled([text]);
            return async () => {
              await rejects(over, 'COUNTER_RANGE');
              await rejects(text, 'NOT_A_COUNTER');
            };
          });
          if (!wereAlive) return;
          await outlive(2);
          equal(await cache.multiGetValues(['k', 't']), [undefined, undefined]);
        },
      },
    ] satisfies Rule[]
  ).map((rule): Rule => ({ ...rule, when: ({ atomicIncr }) => atomicIncr })),
];
