import type { CacheBackend } from '@ninefold/core';
import { backendMutant, cacheError, type Mutant } from './mutant.ts';

type Pairs = Iterable<readonly [string, unknown]>;
type Call = (...args: unknown[]) => Promise<unknown>;

/** A mutant that intercepts only `multiSetValues`. */
function pairsMutant(
  name: string,
  breaks: readonly string[],
  set: (right: CacheBackend, pairs: Pairs, options: undefined) => Promise<void>,
): Mutant {
  return backendMutant(name, breaks, (right) => ({
    multiSetValues: (pairs: Pairs, options: undefined) => set(right, pairs, options),
  }));
}

const late = ['setValue', 'multiSetValues', 'getValue', 'multiGetValues', 'incr'] as const;

/** Mutants that read arguments later than at call time, more than once, or without validation. */
export const argumentMutants: readonly Mutant[] = [
  ...late.map((operation) =>
    backendMutant(`reads the options of ${operation} a turn later`, ['values/options-read-at-call-time'], (right) => ({
      [operation]: async (...args: unknown[]) => {
        if (typeof args.at(-1) === 'object' && !Array.isArray(args.at(-1))) await null;
        return await (right[operation] as Call)(...args);
      },
    })),
  ),
  pairsMutant(
    'reads the items of the pairs a turn later',
    ['batches/keys-read-at-call-time'],
    async (right, pairs, options) => {
      const list = Array.isArray(pairs) ? [...pairs] : pairs;
      await null;
      await right.multiSetValues(list, options);
    },
  ),
  pairsMutant(
    'reads a Map of pairs a turn later',
    ['batches/keys-read-at-call-time'],
    async (right, pairs, options) => {
      if (pairs instanceof Map) await null;
      await right.multiSetValues(pairs, options);
    },
  ),
  pairsMutant(
    'writes the pairs before the one that throws',
    ['batches/iterable-throws'],
    async (right, pairs, options) => {
      const list: (readonly [string, unknown])[] = [];
      try {
        for (const pair of pairs) list.push(pair);
      } catch {
        await right.multiSetValues(list, options);
        throw cacheError('INVALID_KEY', 'multiSetValues', 'no');
      }
      await right.multiSetValues(list, options);
    },
  ),
  pairsMutant(
    'rejects with the error that the pairs threw',
    ['batches/iterable-throws'],
    async (right, pairs, options) => {
      const list = typeof pairs === 'object' && Symbol.iterator in (pairs ?? {}) ? [...pairs] : pairs;
      await right.multiSetValues(list, options);
    },
  ),
  pairsMutant(
    'iterates over pairs twice, to check and to write them',
    ['batches/iterable-throws'],
    async (right, pairs, options) => {
      const again =
        typeof pairs === 'object' &&
        Symbol.iterator in (pairs ?? {}) &&
        (pairs[Symbol.iterator]() as unknown) !== pairs;
      if (again) for (const _ of Array.isArray(pairs) ? [] : pairs);
      await right.multiSetValues(pairs, options);
    },
  ),
];
