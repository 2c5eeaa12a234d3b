import type { Rule } from '../rule.ts';

const range = (length: number): number[] => Array.from({ length }, (_, index) => index);

export const concurrency: readonly Rule[] = [
  {
    id: 'concurrency/own-answers',
    text: 'calls side by side get each their own answer',
    run: async ({ cache, equal }) => {
      await cache.multiSetValues(range(20).map((index) => [`k${index}`, `value ${index}`] as const));
      const keys = range(40).map((index) => `k${(index * 7) % 40}`);
      const values = await Promise.all(keys.map((key) => cache.getValue(key)));
      const expected = keys.map((key) => (Number(key.slice(1)) < 20 ? `value ${key.slice(1)}` : undefined));
      equal(values, expected);
    },
  },
  {
    id: 'concurrency/mixed',
    text: 'calls of all kinds side by side keep apart',
    run: async ({ cache, capabilities, equal }) => {
      const one = async (index: number): Promise<unknown[]> => {
        const key = `k${index}`;
        await cache.setValue(key, { index });
        const there = await cache.exists(key);
        const [batch] = await cache.multiGetValues([key]);
        const count = capabilities.atomicIncr ? await cache.incr(`n${index}`, index) : index;
        return [there, batch, count, await cache.delete(key), await cache.getValue(key)];
      };
      const outcomes = await Promise.all(range(50).map(one));
      equal(
        outcomes,
        range(50).map((index) => [true, { index }, index, 1, undefined]),
      );
    },
  },
  {
    id: 'concurrency/failures-apart',
    text: 'a call that fails does no harm to those beside it',
    run: async ({ cache, equal }) => {
      await cache.multiSetValues([
        ['text', 'x'],
        ['k', 1],
      ]);
      const outcomes = await Promise.allSettled([
        cache.getValue('k'),
        cache.getValue('k', { type: () => undefined }),
        cache.getValue('k'),
        cache.setValue('k', () => 1),
        cache.getValue('k'),
      ]);
      equal(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
      );
      equal(await cache.getValue('k'), 1);
    },
  },
  {
    id: 'concurrency/no-increment-lost',
    text: 'increments side by side are all counted, each with a result of its own',
    when: ({ atomicIncr }) => atomicIncr,
    run: async ({ cache, open, capabilities, equal }) => {
      const second = capabilities.shared ? await open() : cache;
      const results = await Promise.all(range(500).map((index) => (index % 2 === 0 ? cache : second).incr('k')));
      equal(
        results.sort((a, b) => a - b),
        range(500).map((index) => index + 1),
      );
      equal(await cache.getValue('k'), 500);
    },
  },
  {
    id: 'concurrency/one-creator',
    text: 'of increments side by side on a missing key one creates it, and none is lost',
    when: ({ atomicIncr }) => atomicIncr,
    run: async ({ cache, open, capabilities, equal }) => {
      const second = capabilities.shared ? await open() : cache;
      for (const key of ['a', 'b', 'c']) {
        const results = await Promise.all(
          range(20).map((index) => (index % 2 === 0 ? cache : second).incr(key, 1, { ttl: 60 })),
        );
        equal(results.filter((result) => result === 1).length, 1);
        equal(Math.max(...results), 20);
      }
    },
  },
  {
    id: 'concurrency/one-deleter',
    text: 'of deletes side by side exactly one says 1',
    run: async ({ cache, open, capabilities, equal }) => {
      const second = capabilities.shared ? await open() : cache;
      for (let round = 0; round < 10; round++) {
        await cache.setValue('k', round);
        const counts = await Promise.all(range(8).map((index) => (index % 2 === 0 ? cache : second).delete('k')));
        equal(
          counts.reduce((sum, count) => sum + count, 0),
          1,
        );
      }
    },
  },
  {
    id: 'concurrency/whole-values',
    text: 'a read beside sets gives one of the values whole',
    run: async ({ cache, open, capabilities, holds }) => {
      const second = capabilities.shared ? await open() : cache;
      const values = ['a', 'b', 'c'].map((letter) => letter.repeat(5000));
      await cache.setValue('k', values[0]);
      await Promise.all(
        range(60).map(async (index) => {
          if (index % 3 === 0) return await second.setValue('k', values[index % values.length] ?? values[0]);
          const value = await cache.getValue<string>('k');
          holds(value !== undefined && values.includes(value), 'one of the values that were set');
        }),
      );
    },
  },
  {
    id: 'concurrency/awaited-order',
    text: 'what was awaited is seen by what comes after it, from any backend of the server',
    when: ({ shared }) => shared,
    run: async ({ cache, open, capabilities, equal }) => {
      const second = await open();
      const seen = async (): Promise<unknown[]> => [
        await second.getValue('k'),
        await second.multiGetValues(['k']),
        await second.exists('k'),
      ];
      for (let step = 0; step < 20; step += 2) {
        await cache.setValue('k', step);
        equal(await seen(), [step, [step], true]);
        await cache.multiSetValues([['k', step + 1]]);
        equal(await seen(), [step + 1, [step + 1], true]);
        if (capabilities.atomicIncr) await cache.incr('k');
        else await cache.setValue('k', step + 2);
        equal(await seen(), [step + 2, [step + 2], true]);
        await (step % 4 === 0 ? cache.delete('k') : cache.deleteMany(['k']));
        equal(await seen(), [undefined, [undefined], false]);
      }
    },
  },
];
