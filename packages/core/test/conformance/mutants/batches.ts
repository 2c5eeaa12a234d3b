import type { Stored } from '@ninefold/core';
import { TimedDriver } from '../../support/timed-driver.ts';
import { backendMutant, cacheError, driverMutant, type Mutant } from './mutant.ts';

export const batchMutants: readonly Mutant[] = [
  driverMutant(
    'returns one value for a duplicate key',
    ['batches/order'],
    (now) =>
      new (class extends TimedDriver {
        override getMany(keys: readonly string[]) {
          const distinct = [...new Set(keys)].map((key) => this.get(key));
          return keys.map((_, index) => distinct[index]);
        }
      })(now),
  ),
  driverMutant(
    'returns values in the order of the store',
    ['batches/order', 'batches/mixed-kinds'],
    (now) =>
      new (class extends TimedDriver {
        override getMany(keys: readonly string[]) {
          const hits = keys.map((key) => this.get(key)).filter((value) => value !== undefined);
          return keys.map((_, index) => hits[hits.length - 1 - index]);
        }
      })(now),
  ),
  driverMutant(
    'omits misses, so that later values move up',
    ['batches/order', 'values/miss-is-undefined'],
    (now) =>
      new (class extends TimedDriver {
        override getMany(keys: readonly string[]) {
          const hits = keys.map((key) => this.get(key)).filter((value) => value !== undefined);
          return keys.map((_, index) => hits[index]);
        }
      })(now),
  ),
  backendMutant('returns misses as holes', ['batches/misses-only'], (right) => ({
    multiGetValues: async (keys: string[], options?: never) => {
      const values = await right.multiGetValues(keys, options);
      for (const [index, value] of values.entries()) if (value === undefined) delete values[index];
      return values;
    },
  })),
  backendMutant('lets the first value of a duplicate key win', ['batches/last-wins'], (right) => ({
    multiSetValues: (pairs: Iterable<readonly [string, unknown]>, options?: never) =>
      right.multiSetValues(Array.isArray(pairs) ? [...pairs].reverse() : pairs, options),
  })),
  backendMutant('accepts only arrays of pairs', ['batches/iterables', 'batches/empty'], (right) => ({
    multiSetValues: async (pairs: never, options?: never) => {
      if (!Array.isArray(pairs)) throw cacheError('INVALID_KEY', 'multiSetValues', 'pairs are an array');
      return await right.multiSetValues(pairs, options);
    },
  })),
  backendMutant('fails on empty batches as the server does', ['batches/empty'], (right) => ({
    multiGetValues: async (keys: string[], options?: never) => {
      if (Array.isArray(keys) && keys.length === 0)
        throw cacheError('BACKEND', 'multiGetValues', 'wrong number of arguments');
      return await right.multiGetValues(keys, options);
    },
    deleteMany: async (keys: string[]) => {
      if (Array.isArray(keys) && keys.length === 0)
        throw cacheError('BACKEND', 'deleteMany', 'wrong number of arguments');
      return await right.deleteMany(keys);
    },
  })),
  ...(['multiGetValues', 'multiSetValues', 'deleteMany'] as const).map((each) =>
    backendMutant(`answers an empty ${each} with null`, ['batches/empty'], (right) => ({
      [each]: async (...args: unknown[]) => {
        const answer: unknown = await Reflect.apply(right[each], right, args);
        return Array.isArray(args[0]) && args[0].length === 0 ? null : answer;
      },
    })),
  ),
  backendMutant('returns a bare value for a batch of one', ['batches/of-one'], (right) => ({
    multiGetValues: async (keys: string[], options?: never) => {
      const values = await right.multiGetValues(keys, options);
      return values.length === 1 ? values[0] : values;
    },
  })),
  backendMutant('fails on batches of one', ['batches/of-one', 'values/date'], (right) => ({
    multiSetValues: async (pairs: readonly [string, unknown][], options?: never) => {
      if (Array.isArray(pairs) && pairs.length === 1) throw cacheError('BACKEND', 'multiSetValues', 'one is no batch');
      return await right.multiSetValues(pairs, options);
    },
  })),
  ...(['multiGetValues', 'deleteMany'] as const).map((each) =>
    backendMutant(
      `takes anything for the keys of ${each}`,
      ['batches/refuses-non-iterables', 'batches/refuses-holes'],
      (right) => ({
        [each]: (keys: unknown, options?: never) => {
          const listed = Array.isArray(keys) ? Array.from(keys, (key: unknown) => key ?? 'hole') : [];
          return right[each](listed as never, options);
        },
      }),
    ),
  ),
  backendMutant(
    'deletes the valid keys of a batch with an invalid one',
    ['batches/all-or-nothing-checked'],
    (right) => ({
      deleteMany: (keys: unknown) =>
        right.deleteMany((Array.isArray(keys) ? keys.filter((key) => `${String(key)}`.isWellFormed()) : keys) as never),
    }),
  ),
  backendMutant('resolves a delete with a boolean', ['batches/delete-one', 'keys/space'], (right) => ({
    delete: async (key: string) => (await right.delete(key)) === 1,
  })),
  backendMutant(
    'counts every key passed to a delete',
    ['batches/delete-one', 'batches/delete-counts', 'ttl/expires'],
    (right) => ({
      delete: async (key: string) => {
        await right.delete(key);
        return 1;
      },
      deleteMany: async (keys: string[]) => {
        await right.deleteMany(keys);
        return keys.length;
      },
    }),
  ),
  backendMutant('deletes one key after the other and counts duplicates twice', ['batches/delete-counts'], (right) => ({
    deleteMany: async (keys: string[]) => {
      const count = await right.deleteMany(keys);
      return Array.isArray(keys) ? count + keys.length - new Set(keys).size : count;
    },
  })),
  driverMutant('keeps a deleted key deleted', ['batches/delete-then-set'], (now) => {
    const deleted = new Set<string>();
    return new (class extends TimedDriver {
      override deleteMany(keys: readonly string[]): number {
        for (const key of keys) if (this.exists(key)) deleted.add(key);
        return super.deleteMany(keys);
      }
      override setMany(entries: readonly (readonly [string, Stored])[], ttl: number | undefined): void {
        super.setMany(
          entries.filter(([key]) => !deleted.has(key)),
          ttl,
        );
      }
    })(now);
  }),
  driverMutant('keeps entries written by a batch apart', ['batches/same-as-single'], (now) => {
    const single = new TimedDriver(now);
    return new (class extends TimedDriver {
      override setMany(entries: readonly (readonly [string, Stored])[], ttl: number | undefined): void {
        (entries.length > 1 ? super.setMany : single.setMany).call(entries.length > 1 ? this : single, entries, ttl);
      }
      override get(key: string) {
        return single.get(key);
      }
      override getMany(keys: readonly string[]) {
        return keys.map((key) => super.get(key) ?? single.get(key));
      }
    })(now);
  }),
  driverMutant(
    'reads no more than 1,000 keys',
    ['batches/10000'],
    (now) =>
      new (class extends TimedDriver {
        override getMany(keys: readonly string[]) {
          return keys.map((key, index) => (index < 1000 ? this.get(key) : undefined));
        }
      })(now),
  ),
  driverMutant(
    'deletes no more than 1,000 keys',
    ['batches/10000'],
    (now) =>
      new (class extends TimedDriver {
        override deleteMany(keys: readonly string[]): number {
          return super.deleteMany(keys.slice(0, 1000));
        }
      })(now),
  ),
  backendMutant('answers a call after a large batch with the rest of its reply', ['batches/200000'], (right) => {
    let left: unknown;
    return {
      multiGetValues: async (keys: string[], options?: never) => {
        if (Array.isArray(keys) && keys.length > 120_000) left = 'left';
        return await right.multiGetValues(keys, options);
      },
      getValue: async (key: string, options?: never) => left ?? (await right.getValue(key, options)),
    };
  }),
  backendMutant('passes keys as arguments', ['batches/200000'], (right) => ({
    multiGetValues: async (keys: string[], options?: never) => {
      if (Array.isArray(keys) && keys.length > 120_000) throw new RangeError('Maximum call stack size exceeded');
      const values = await right.multiGetValues(keys, options);
      return keys.length > 120_000 ? values.slice(0, 10) : values;
    },
    deleteMany: async (keys: readonly string[]) =>
      Array.isArray(keys) && keys.length > 120_000 ? -1 : await right.deleteMany(keys),
  })),
  backendMutant('returns only a part of a large batch', ['batches/10000', 'batches/200000'], (right) => ({
    multiGetValues: async (keys: string[], options?: never) =>
      await right.multiGetValues(Array.isArray(keys) ? keys.slice(0, 5000) : keys, options),
  })),
  backendMutant('fails a large batch with an error of the runtime', ['batches/200000'], (right) => ({
    deleteMany: async (keys: readonly string[]) => {
      if (!Array.isArray(keys) || keys.length < 120_000) return await right.deleteMany(keys);
      throw Object.assign(new Error('Cannot create a string longer than 0x1fffffe8'), { code: 'ERR_STRING_TOO_LONG' });
    },
  })),
];
