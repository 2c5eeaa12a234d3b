import type { CacheBackend } from '../../backend.ts';
import { type Happening, recorder } from '../history.ts';
import { unexplained } from '../linearizability.ts';
import type { Rule, Trial } from '../rule.ts';

const range = (length: number): number[] => Array.from({ length }, (_, index) => index);

/** Two backends that see the same entries; the same backend twice if entries are not shared. */
async function clients({ cache, open, capabilities }: Trial): Promise<(index: number) => CacheBackend> {
  const second = capabilities.shared ? await open() : cache;
  return (index) => (index % 2 === 0 ? cache : second);
}

export const concurrency: readonly Rule[] = [
  {
    id: 'concurrency/own-results',
    text: 'concurrent calls each get their own result',
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
    text: 'concurrent calls of all kinds do not mix',
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
    id: 'concurrency/batches',
    text: 'concurrent batches are each stored whole, each get their own values, and count a deleted key once',
    run: async (trial) => {
      const client = await clients(trial);
      const batches = range(9).map((batch) => range(3 + (batch % 3)).map((index) => `${batch} ${index}`));
      const read = (): Promise<unknown[][]> =>
        Promise.all(batches.map((keys, index) => client(index + 1).multiGetValues(keys)));
      await Promise.all(
        batches.map((keys, index) => client(index).multiSetValues(keys.map((key) => [key, `value ${key}`] as const))),
      );
      trial.equal(
        await read(),
        batches.map((keys) => keys.map((key) => `value ${key}`)),
      );
      const counts = await Promise.all([...batches, ...batches].map((keys, index) => client(index).deleteMany(keys)));
      trial.equal(
        batches.map((_, index) => (counts[index] ?? 0) + (counts[index + batches.length] ?? 0)),
        batches.map(({ length }) => length),
      );
      trial.equal(
        await read(),
        batches.map((keys) => keys.map(() => undefined)),
      );
    },
  },
  {
    id: 'concurrency/batches-crossing',
    text: 'concurrent batches on the same keys in different orders all succeed, and each key holds what one of them wrote',
    why: 'On a server that locks entries one at a time, two such batches deadlock unless both use one order.',
    run: async (trial) => {
      const client = await clients(trial);
      const keys = range(100).map((index) => `k${index}`);
      const orders = [keys, [...keys].reverse()];
      for (let round = 0; round < 5; round++) {
        const writes = [...orders, ...orders].map((order, index) =>
          client(index).multiSetValues(order.map((key) => [key, index] as const)),
        );
        await Promise.all(writes);
        const values = await trial.cache.multiGetValues<number>(keys);
        trial.equal(
          values.filter((value) => value === undefined || !(value in writes)),
          [],
        );
        const counts = await Promise.all(orders.map((order, index) => client(index).deleteMany(order)));
        trial.equal(
          counts.reduce((sum, count) => sum + count),
          keys.length,
        );
      }
    },
  },
  {
    id: 'concurrency/failures-apart',
    text: 'a failing call does not affect concurrent ones',
    run: async ({ cache, capabilities, equal }) => {
      await cache.multiSetValues([
        ['text', 'x'],
        ['k', 1],
      ]);
      const type = (): undefined => undefined;
      const calls: readonly (readonly [right: () => Promise<unknown>, wrong: () => Promise<unknown>])[] = [
        [() => cache.getValue('k'), () => cache.getValue('k', { type })],
        [() => cache.setValue('s', 1), () => cache.setValue('k', () => 1)],
        [() => cache.multiGetValues(['k']), () => cache.multiGetValues(['k'], { type })],
        [() => cache.multiSetValues([['m', 1]]), () => cache.multiSetValues([['k', () => 1]])],
        [() => cache.exists('k'), () => cache.exists('')],
        [() => cache.delete('d'), () => cache.delete('')],
        [() => cache.deleteMany(['d']), () => cache.deleteMany([''])],
        ...(capabilities.atomicIncr ? [[() => cache.incr('n'), () => cache.incr('text')] as const] : []),
      ];
      const outcomes = await Promise.allSettled(calls.flatMap(([right, wrong]) => [right(), wrong(), right()]));
      equal(
        outcomes.map(({ status }) => status),
        calls.flatMap(() => ['fulfilled', 'rejected', 'fulfilled']),
      );
      equal(await cache.getValue('k'), 1);
      equal(await cache.multiGetValues(['k', 's', 'm', 'text']), [1, 1, 1, 'x']);
    },
  },
  {
    id: 'concurrency/failures-undo-nothing',
    text: 'a failing call does not undo a concurrent write',
    why: 'On a connection that calls share, a rollback also ends the transactions of the others.',
    when: ({ atomicIncr }) => atomicIncr,
    run: async ({ cache, equal, rejects }) => {
      const writes: readonly (readonly [write: () => Promise<unknown>, key: string, written: unknown])[] = [
        [() => cache.setValue('set', 1), 'set', 1],
        [() => cache.multiSetValues([['batch', 1]], { ttl: 600 }), 'batch', 1],
        [() => cache.delete('gone'), 'gone', undefined],
        [() => cache.deleteMany(['gone too']), 'gone too', undefined],
        [() => cache.incr('counter'), 'counter', 1],
      ];
      await cache.multiSetValues(['text', 'gone', 'gone too'].map((key) => [key, 'x'] as const));
      for (const [write, key, written] of writes) {
        await Promise.all([rejects(cache.incr('text'), 'NOT_A_COUNTER'), write()]);
        equal(await cache.getValue(key), written);
      }
    },
  },
  {
    id: 'concurrency/own-copies',
    text: 'concurrent reads of a key give each caller a copy of its own',
    run: async ({ cache, equal }) => {
      await cache.setValue('k', { list: [1] });
      const read = async (): Promise<unknown[]> => {
        const value = await cache.getValue<{ list: number[] }>('k');
        const [other] = await cache.multiGetValues<{ list: number[] }>(['k']);
        return [...(value?.list.splice(0) ?? []), ...(other?.list.splice(0) ?? [])];
      };
      equal(
        await Promise.all(range(5).map(read)),
        range(5).map(() => [1, 1]),
      );
    },
  },
  {
    id: 'concurrency/no-increment-lost',
    text: 'concurrent increments are all counted, each with a result of its own',
    when: ({ atomicIncr }) => atomicIncr,
    run: async (trial) => {
      const client = await clients(trial);
      const results = await Promise.all(range(500).map((index) => client(index).incr('k')));
      trial.equal(
        results.sort((a, b) => a - b),
        range(500).map((index) => index + 1),
      );
      trial.equal(await trial.cache.getValue('k'), 500);
    },
  },
  {
    id: 'concurrency/one-creator',
    text: 'of concurrent increments on a missing key exactly one creates it, and none is lost',
    when: ({ atomicIncr }) => atomicIncr,
    run: async (trial) => {
      const client = await clients(trial);
      for (const key of ['a', 'b', 'c']) {
        const results = await Promise.all(range(20).map((index) => client(index).incr(key, 1, { ttl: 60 })));
        trial.equal(
          results.sort((a, b) => a - b),
          range(20).map((index) => index + 1),
        );
      }
    },
  },
  {
    id: 'concurrency/one-deleter',
    text: 'of concurrent deletes exactly one resolves 1',
    run: async (trial) => {
      const client = await clients(trial);
      for (let round = 0; round < 10; round++) {
        await trial.cache.setValue('k', round);
        const counts = await Promise.all(range(8).map((index) => client(index).delete('k')));
        trial.equal(
          counts.reduce((sum, count) => sum + count, 0),
          1,
        );
      }
    },
  },
  {
    id: 'concurrency/whole-values',
    text: 'a read concurrent with sets gives one of their values, whole',
    run: async (trial) => {
      const client = await clients(trial);
      const values = range(20).map((index) => String.fromCharCode(97 + index).repeat(5000));
      await client(0).setValue('k', values[0]);
      await Promise.all(
        values.map(async (value) => {
          const set = client(1).setValue('k', value);
          const [one, other] = await Promise.all([client(0).getValue('k'), client(0).getValue('k'), set]);
          const known = values.includes(one as string) && values.includes(other as string);
          trial.holds(known, 'one of the values that were set');
        }),
      );
    },
  },
  {
    id: 'concurrency/awaited-order',
    text: 'an awaited write is seen by every later read, from any backend on the same server',
    when: ({ shared }) => shared,
    run: async (trial) => {
      const { capabilities, equal } = trial;
      const client = await clients(trial);
      for (let round = 0; round < 10; round++) {
        const step = round * 3;
        const writes: readonly (readonly [write: (cache: CacheBackend) => Promise<unknown>, value: unknown])[] = [
          [(cache) => cache.multiSetValues([['k', step]]), step],
          [(cache) => (capabilities.atomicIncr ? cache.incr('k') : cache.setValue('k', step + 1)), step + 1],
          [(cache) => cache.setValue('k', step + 2), step + 2],
          [(cache) => (round % 4 < 2 ? cache.delete('k') : cache.deleteMany(['k'])), undefined],
        ];
        for (const [index, [write, value]] of writes.entries()) {
          // In even rounds only the first client writes, in odd rounds both do.
          const writer = round % 2 === 0 ? 0 : index;
          await write(client(writer));
          const reader = client(writer + 1);
          equal(
            [await reader.getValue('k'), await reader.multiGetValues(['k']), await reader.exists('k')],
            [value, [value], value !== undefined],
          );
        }
      }
    },
  },
  {
    id: 'concurrency/linearizable',
    text: 'concurrent calls on a key are linearizable: each takes effect at one moment between its start and its end',
    run: async (trial) => {
      const { capabilities, holds } = trial;
      const client = await clients(trial);
      let time = 0;
      // Reproducible calls, from the random numbers of Park and Miller.
      let state = 1;
      const random = (below: number): number => {
        state = (state * 48_271) % 2_147_483_647;
        return state % below;
      };
      const caller = async (id: number, keys: readonly string[], history: Happening[]): Promise<void> => {
        const notes = recorder(client(id), history, () => ++time);
        for (const step of range(12)) {
          const key = keys[random(2)] ?? '';
          const value = id * 1000 + step;
          const calls = [
            () => notes.get(key),
            () => notes.multiGet(keys),
            () => notes.exists(key),
            () => notes.set(key, value),
            () => notes.multiSet(keys.map((each) => [each, value])),
            () => notes.delete(key),
            () => notes.deleteMany(key),
            ...(capabilities.atomicIncr ? [() => notes.incr(key, 1), () => notes.incr(key, 10)] : []),
          ];
          await calls[random(calls.length)]?.();
        }
      };
      for (const round of range(8)) {
        const keys = [`${round} a`, `${round} b`];
        const history: Happening[] = [];
        await Promise.all(range(6).map((id) => caller(id, keys, history)));
        const claim = unexplained(history);
        holds(claim === undefined, `${claim}`);
      }
    },
  },
];
