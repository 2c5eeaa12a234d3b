import { type CacheBackend, CacheError, createBackend } from '@ninefold/core';
import { type Happening, isLinearizable, notLinearizable, recorder } from '@ninefold/core/conformance';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimedDriver } from '../support/timed-driver.ts';
import { instead } from './mutants/mutant.ts';

/** One operation from `start` to `end`; with `null` it may end at any time or never. */
function op(
  kind: Happening['kind'],
  start: number,
  end: number | null,
  given: { input?: unknown; result?: unknown },
): Happening {
  return { kind, key: 'k', start, end, ...given };
}

const yes: [string, Happening[]][] = [
  ['nothing', []],
  ['a read of nothing', [op('get', 0, 1, { result: null })]],
  ['a set and a read after it', [op('set', 0, 1, { input: 5, result: null }), op('get', 2, 3, { result: 5 })]],
  ['a read beside a set, before it', [op('set', 0, 9, { input: 5, result: null }), op('get', 2, 3, { result: null })]],
  ['a read beside a set, after it', [op('set', 0, 9, { input: 5, result: null }), op('get', 2, 3, { result: 5 })]],
  [
    'two increments side by side',
    [op('incr', 0, 9, { input: 1, result: 2 }), op('incr', 1, 8, { input: 1, result: 1 })],
  ],
  [
    'a lost set that happens late',
    [op('set', 0, null, { input: 5 }), op('get', 2, 3, { result: null }), op('get', 4, 5, { result: 5 })],
  ],
  ['a lost set that never happens', [op('set', 0, null, { input: 5 }), op('get', 2, 3, { result: null })]],
  ['a lost increment', [op('incr', 0, null, { input: 1 }), op('incr', 2, 3, { input: 1, result: 2 })]],
  ['a lost increment on a text', [op('set', 0, 1, { input: 'x', result: null }), op('incr', 2, null, { input: 1 })]],
  [
    'one delete of two',
    [op('set', 0, 1, { input: 1, result: null }), op('delete', 2, 5, { result: 0 }), op('delete', 2, 5, { result: 1 })],
  ],
  [
    'exists',
    [
      op('exists', 0, 1, { result: false }),
      op('set', 2, 3, { input: 0, result: null }),
      op('exists', 4, 5, { result: true }),
    ],
  ],
];

const no: [string, Happening[]][] = [
  ['a value out of nowhere', [op('get', 0, 1, { result: 5 })]],
  ['a stale read', [op('set', 0, 1, { input: 5, result: null }), op('get', 2, 3, { result: null })]],
  [
    'a read that goes back',
    [op('set', 0, 9, { input: 5, result: null }), op('get', 1, 2, { result: 5 }), op('get', 3, 4, { result: null })],
  ],
  ['the same count twice', [op('incr', 0, 9, { input: 1, result: 1 }), op('incr', 1, 8, { input: 1, result: 1 })]],
  [
    'a lost increment that happens twice',
    [op('incr', 0, null, { input: 1 }), op('incr', 2, 3, { input: 1, result: 3 })],
  ],
  ['a lost set before it was called', [op('get', 0, 1, { result: 5 }), op('set', 2, null, { input: 5 })]],
  ['a delete of nothing', [op('delete', 0, 1, { result: 1 })]],
  [
    'two deletes of one',
    [op('set', 0, 1, { input: 1, result: null }), op('delete', 2, 5, { result: 1 }), op('delete', 2, 5, { result: 1 })],
  ],
];

/** Every order that the times allow, with every choice of operations that never happened. */
function bruteForce(left: readonly Happening[], state: unknown = null): boolean {
  if (left.every(({ end }) => end === null)) return true;
  const deadline = Math.min(...left.map(({ end }) => end ?? Number.POSITIVE_INFINITY));
  return left.some((happening) => {
    if (happening.start > deadline) return false;
    const rest = left.filter((other) => other !== happening);
    const { kind, input, result, end } = happening;
    if (kind === 'incr' && state !== null && typeof state !== 'number') return false;
    const sum = (Number(state) || 0) + (input as number);
    const answer = { get: state, exists: state !== null, set: null, delete: state === null ? 0 : 1, incr: sum }[kind];
    const next = { get: state, exists: state, set: input, delete: null, incr: sum }[kind];
    return (end === null || answer === result) && bruteForce(rest, next);
  });
}

describe('a history', () => {
  for (const [what, happenings] of yes)
    it(`is linearizable: ${what}`, () => expect(isLinearizable(happenings)).toBe(true));
  for (const [what, happenings] of no)
    it(`is not linearizable: ${what}`, () => expect(isLinearizable(happenings)).toBe(false));

  it('is judged as by an exhaustive search', () => {
    const happening = fc.record({
      kind: fc.constantFrom('get', 'set', 'delete', 'incr', 'exists'),
      start: fc.nat(8),
      length: fc.nat(5),
      lost: fc.integer({ min: 0, max: 5 }),
      input: fc.constantFrom(1, 2),
      result: fc.constantFrom(null, 0, 1, 2, 3, true, false),
    });
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 6 }), (drawn) => {
        const happenings = drawn.map(
          ({ kind, start, length, lost, input, result }): Happening => ({
            kind: kind as Happening['kind'],
            key: 'k',
            start,
            end: lost === 0 ? null : start + length,
            ...(kind === 'set' || kind === 'incr' ? { input } : {}),
            result: kind === 'set' ? null : result,
          }),
        );
        expect(isLinearizable(happenings)).toBe(bruteForce(happenings));
      }),
      { numRuns: 3000 },
    );
  });
});

/** Eight concurrent callers on two keys; each step takes a turn or two. */
async function record(backend: CacheBackend): Promise<Happening[]> {
  const history: Happening[] = [];
  let time = 0;
  const notes = recorder(backend, history, () => ++time);
  const caller = async (id: number): Promise<void> => {
    for (let round = 0; round < 20; round++) {
      const key = `k${(id + round) % 2}`;
      await notes.incr(key, id + 1);
      if ((id + round) % 5 === 0) await notes.get(key);
      if ((id + round) % 7 === 0) await notes.delete(key);
      if ((id + round) % 11 === 0) await notes.set(key, round);
      if ((id + round) % 13 === 0) await notes.exists(key);
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, id) => caller(id)));
  return history;
}

describe('a recorded backend', () => {
  it('that is correct is linearizable', async () => {
    const history = await record(createBackend(new TimedDriver(() => 0)));
    expect(history.length).toBeGreaterThan(200);
    expect(notLinearizable(history)).toBeUndefined();
  });

  it('that increments by get and set is not', async () => {
    const right = createBackend(new TimedDriver(() => 0));
    const incr = async (key: string, delta = 1): Promise<number> => {
      const sum = ((await right.getValue<number>(key)) ?? 0) + delta;
      await right.setValue(key, sum);
      return sum;
    };
    expect(notLinearizable(await record(instead(right, { incr })))).toMatch(/^k[01]$/);
  });

  it('whose reads lag behind is not', async () => {
    const right = createBackend(new TimedDriver(() => 0));
    const last = new Map<string, unknown>();
    const getValue = async (key: string): Promise<unknown> => {
      const stale = last.get(key);
      last.set(key, await right.getValue(key));
      return stale;
    };
    expect(notLinearizable(await record(instead(right, { getValue })))).toMatch(/^k[01]$/);
  });

  it('that loses replies is linearizable as long as it reports that a write may have been applied', async () => {
    const right = createBackend(new TimedDriver(() => 0));
    let count = 0;
    const losing =
      (maybeApplied: boolean) =>
      async (key: string, delta?: number): Promise<number> => {
        count += 1;
        const sum = await right.incr(key, delta);
        if (count % 9 !== 0) return sum;
        throw new CacheError({ code: 'TIMEOUT', backend: 'x', operation: 'incr', reason: 'no answer', maybeApplied });
      };
    expect(notLinearizable(await record(instead(right, { incr: losing(true) })))).toBeUndefined();
    expect(notLinearizable(await record(instead(right, { incr: losing(false) })))).toMatch(/^k[01]$/);
  });

  it('records a batch key by key, as possibly applied if its reply was lost', async () => {
    const right = createBackend(new TimedDriver(() => 0));
    const losing =
      (maybeApplied: boolean) =>
      async (pairs: Iterable<readonly [string, unknown]>): Promise<void> => {
        await right.multiSetValues([...pairs].slice(1));
        throw new CacheError({
          code: 'TIMEOUT',
          backend: 'x',
          operation: 'multiSetValues',
          reason: 'late',
          maybeApplied,
        });
      };
    const noted = async (maybeApplied: boolean): Promise<Happening[]> => {
      const history: Happening[] = [];
      let time = 0;
      const notes = recorder(instead(right, { multiSetValues: losing(maybeApplied) }), history, () => ++time);
      await notes.multiSet([
        ['a', 1],
        ['b', 2],
      ]);
      await notes.multiGet(['a', 'b']);
      await notes.deleteMany('b');
      return history;
    };
    const history = await noted(true);
    expect(history.map(({ kind, key, end }) => [kind, key, end === null])).toEqual([
      ['set', 'a', true],
      ['set', 'b', true],
      ['get', 'a', false],
      ['get', 'b', false],
      ['delete', 'b', false],
    ]);
    expect(notLinearizable(history)).toBeUndefined();
    expect(notLinearizable(await noted(false))).toBe('b');
  });
});
