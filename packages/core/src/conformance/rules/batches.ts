import { isCacheError } from '../../errors.ts';
import { equal as equals } from '../equal.ts';
import type { Rule } from '../rule.ts';
import { show } from '../transcript.ts';

export const batches: readonly Rule[] = [
  {
    id: 'batches/order',
    text: 'values come in the order of the keys, with misses in place and duplicates repeated',
    run: async ({ cache, equal }) => {
      await cache.multiSetValues([
        ['a', 1],
        ['b', 'two'],
        ['c', null],
      ]);
      equal(await cache.multiGetValues(['c', 'x', 'a', 'b', 'a', 'y', 'c']), [
        null,
        undefined,
        1,
        'two',
        1,
        undefined,
        null,
      ]);
    },
  },
  {
    id: 'batches/misses-only',
    text: 'a batch of misses is a list of undefined',
    run: async ({ cache, equal }) => {
      equal(await cache.multiGetValues(['x', 'y']), [undefined, undefined]);
    },
  },
  {
    id: 'batches/mixed-kinds',
    text: 'values of all kinds come back from one batch as they were set',
    run: async ({ cache, equal }) => {
      const pairs: [string, unknown][] = [
        ['n', 41],
        ['s', '41'],
        ['o', { at: new Date(1) }],
        ['z', 0],
        ['f', false],
        ['e', ''],
        ['b', new Uint8Array([1])],
        ['i', 5n],
      ];
      await cache.multiSetValues(pairs);
      equal(
        await cache.multiGetValues(pairs.map(([key]) => key)),
        pairs.map(([, value]) => value),
      );
    },
  },
  {
    id: 'batches/same-as-single',
    text: 'values written by a batch are read singly, and values written singly are read by a batch',
    run: async ({ cache, equal }) => {
      await cache.multiSetValues([
        ['a', { n: 1 }],
        ['b', 2],
      ]);
      await cache.setValue('c', { n: 3 });
      equal([await cache.getValue('a'), await cache.getValue('b')], [{ n: 1 }, 2]);
      equal(await cache.multiGetValues(['c', 'a']), [{ n: 3 }, { n: 1 }]);
    },
  },
  {
    id: 'batches/iterables',
    text: 'pairs may be a Map, an array or a generator',
    run: async ({ cache, equal }) => {
      await cache.multiSetValues(new Map<string, unknown>([['m', 1]]));
      await cache.multiSetValues(Object.entries({ o: 2 }));
      await cache.multiSetValues(
        (function* () {
          yield ['g', 3] as const;
        })(),
      );
      equal(await cache.multiGetValues(['m', 'o', 'g']), [1, 2, 3]);
    },
  },
  {
    id: 'batches/iterable-throws',
    text: 'pairs are iterated once; if the iteration throws, the call rejects INVALID_KEY and writes nothing',
    run: async ({ cache, equal, rejects }) => {
      let walks = 0;
      const pairs = (fails: boolean): Iterable<readonly [string, unknown]> => ({
        *[Symbol.iterator]() {
          walks += 1;
          yield ['k', 1] as const;
          if (fails) throw new Error('no');
        },
      });
      await rejects(cache.multiSetValues(pairs(true)), 'INVALID_KEY');
      equal(await cache.exists('k'), false);
      await cache.multiSetValues(pairs(false));
      equal([await cache.getValue('k'), walks], [1, 2]);
    },
  },
  {
    id: 'batches/last-wins',
    text: 'for a duplicate key the last value wins',
    run: async ({ cache, equal }) => {
      await cache.multiSetValues([
        ['k', 'first'],
        ['l', 1],
        ['k', 'second'],
        ['k', 'last'],
      ]);
      equal(await cache.multiGetValues(['k', 'l']), ['last', 1]);
      await cache.multiSetValues(
        [
          ['k', 1],
          ['k', null],
        ],
        { ttl: 60 },
      );
      equal(await cache.getValue('k'), null);
    },
  },
  {
    id: 'batches/hostile-names',
    text: 'keys named __proto__ and constructor work in a batch too',
    run: async ({ cache, equal }) => {
      await cache.multiSetValues(
        [
          ['b', 0],
          ['__proto__', 1],
          ['constructor', 2],
          ['2', 3],
          ['1', 4],
        ],
        { ttl: 60 },
      );
      equal(await cache.multiGetValues(['1', '__proto__', '2', 'constructor', 'b']), [4, 1, 3, 2, 0]);
      equal(await cache.deleteMany(['__proto__', 'constructor', 'toString']), 2);
    },
  },
  {
    id: 'batches/empty',
    text: 'an empty batch is [], undefined or 0',
    run: async ({ cache, equal }) => {
      equal(await cache.multiGetValues([]), []);
      equal([await cache.multiSetValues([]), await cache.multiSetValues(new Map())], [undefined, undefined]);
      equal(await cache.deleteMany([]), 0);
    },
  },
  {
    id: 'batches/of-one',
    text: 'a batch of one item works like any other',
    run: async ({ cache, equal }) => {
      await cache.multiSetValues([['k', 1]]);
      equal(await cache.multiGetValues(['k']), [1]);
      equal(await cache.deleteMany(['k']), 1);
    },
  },
  {
    id: 'batches/refuses-non-iterables',
    text: 'keys that are not an array and pairs that are not an iterable of pairs reject INVALID_KEY',
    run: async ({ cache, equal, rejects }) => {
      for (const keys of [undefined, null, 'ab', 5, { 0: 'a', length: 1 }, new Set(['a'])] as never[]) {
        await rejects(cache.multiGetValues(keys), 'INVALID_KEY');
        await rejects(cache.deleteMany(keys), 'INVALID_KEY');
      }
      for (const pairs of [
        undefined,
        null,
        'ab',
        5,
        { a: 1 },
        ['ab'],
        [['a']],
        [['a', 1, 2]],
        [{ 0: 'a', 1: 1 }],
      ] as never[]) {
        await rejects(cache.multiSetValues(pairs), 'INVALID_KEY');
      }
      equal(await cache.exists('a'), false);
    },
  },
  {
    id: 'batches/refuses-holes',
    text: 'a hole among the keys rejects INVALID_KEY',
    run: async ({ cache, rejects }) => {
      const keys = ['a', 'b', 'c'];
      delete keys[1];
      await rejects(cache.multiGetValues(keys), 'INVALID_KEY');
      await rejects(cache.deleteMany(keys), 'INVALID_KEY');
    },
  },
  {
    id: 'batches/all-or-nothing-checked',
    text: 'one bad key or value rejects the whole call, names its key, and writes nothing',
    run: async ({ cache, equal, rejects }) => {
      await cache.setValue('a', 'old');
      const value = await rejects(
        cache.multiSetValues([
          ['a', 1],
          ['bad', () => 1],
          ['c', 1],
        ]),
        'INVALID_VALUE',
      );
      equal(value.key, 'bad');
      await rejects(
        cache.multiSetValues([
          ['a', 1],
          ['', 1],
        ]),
        'INVALID_KEY',
      );
      await rejects(cache.deleteMany(['a', '\ud800']), 'INVALID_KEY');
      equal(await cache.multiGetValues(['a', 'bad', 'c']), ['old', undefined, undefined]);
    },
  },
  {
    id: 'batches/keys-read-at-call-time',
    text: 'changing keys or pairs after the call changes nothing',
    run: async ({ cache, equal }) => {
      await cache.multiSetValues([
        ['a', 1],
        ['b', 2],
      ]);
      const keys = ['a', 'b'];
      const get = cache.multiGetValues(keys);
      keys.reverse();
      keys.push('c');
      equal(await get, [1, 2]);
      const pair: [string, unknown] = ['c', 3];
      const pairs = [pair];
      const set = cache.multiSetValues(pairs);
      pair[1] = 4;
      pairs[0] = ['d', 4];
      await set;
      const map = new Map([['m', 5]]);
      const mapped = cache.multiSetValues(map);
      map.set('m', 6).set('d', 6);
      await mapped;
      equal(await cache.multiGetValues(['c', 'd', 'm']), [3, undefined, 5]);
      const gone = ['a'];
      const deletion = cache.deleteMany(gone);
      gone[0] = 'b';
      equal(await deletion, 1);
      equal(await cache.multiGetValues(['a', 'b']), [undefined, 2]);
    },
  },
  {
    id: 'batches/delete-one',
    text: 'delete resolves 1 for an existing key and 0 for a missing one, as numbers',
    run: async ({ cache, equal }) => {
      await cache.setValue('k', null);
      equal([await cache.delete('k'), await cache.delete('k'), await cache.delete('never')], [1, 0, 0]);
      equal(await cache.getValue('k'), undefined);
    },
  },
  {
    id: 'batches/delete-counts',
    text: 'deleteMany resolves how many keys it removed; a duplicate counts once',
    run: async ({ cache, equal }) => {
      await cache.multiSetValues([
        ['a', 1],
        ['b', 0],
        ['c', 1],
      ]);
      equal(await cache.deleteMany(['a', 'x', 'a', 'b', 'y', 'a']), 2);
      equal(await cache.multiGetValues(['a', 'b', 'c']), [undefined, undefined, 1]);
    },
  },
  {
    id: 'batches/delete-then-set',
    text: 'a deleted key can be set again',
    run: async ({ cache, equal }) => {
      await cache.setValue('k', 1, { ttl: 60 });
      await cache.delete('k');
      await cache.setValue('k', 2);
      equal(await cache.getValue('k'), 2);
    },
  },
  {
    id: 'batches/input-untouched',
    text: 'the arrays of the caller are not modified',
    run: async ({ cache, equal }) => {
      const keys = ['b', 'a', 'b'];
      const pairs: [string, unknown][] = [
        ['b', 1],
        ['a', 2],
        ['b', 3],
      ];
      await cache.multiSetValues(pairs);
      await cache.multiGetValues(keys);
      await cache.deleteMany(keys);
      equal(
        [keys, pairs],
        [
          ['b', 'a', 'b'],
          [
            ['b', 1],
            ['a', 2],
            ['b', 3],
          ],
        ],
      );
    },
  },
  {
    id: 'batches/10000',
    text: '10,000 keys in one call are set, read and deleted',
    run: async ({ open, equal }) => {
      const cache = await open({ timeoutMs: 20_000 });
      const keys = Array.from({ length: 10_000 }, (_, index) => `k${index}`);
      await cache.multiSetValues(
        keys.map((key, index) => [key, index] as const),
        { ttl: 600 },
      );
      equal(await cache.multiGetValues(keys), [...keys.keys()]);
      equal(await cache.deleteMany(keys), 10_000);
    },
  },
  {
    id: 'batches/200000',
    text: '200,000 keys in one call work or reject with a CacheError, and do not overflow the stack',
    run: async ({ open, equal, holds }) => {
      const cache = await open({ timeoutMs: 5000 });
      const keys = Array.from({ length: 200_000 }, (_, index) => `k${index}`);
      const values = await cache.multiGetValues(keys).catch((error: unknown) => error);
      holds(
        isCacheError(values) || equals(values, new Array(keys.length).fill(undefined)),
        `200,000 misses or a CacheError, got ${show(values)}`,
      );
      const deleted = await cache.deleteMany(keys).catch((error: unknown) => error);
      holds(deleted === 0 || isCacheError(deleted), `a count of 0 or a CacheError, got ${show(deleted)}`);
      const look = (): Promise<unknown> => cache.getValue('k0').catch((error: unknown) => error);
      let after = await look();
      // The server may still be busy with timed-out requests, or a lost connection may not be replaced yet.
      while (isCacheError(after) && after.retryable) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        after = await look();
      }
      equal(after, undefined);
    },
  },
];
