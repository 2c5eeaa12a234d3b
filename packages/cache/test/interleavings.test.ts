import { afterEach, describe, expect, it, vi } from 'vitest';
import { Flight } from '../src/flight.ts';
import { searchInterleavings, type Trial } from './support/interleavings.ts';
import { full, lagging, lateFence, withoutBumps, withoutLeases } from './support/wrong-backends.ts';

const { NINEFOLD_RUNS = '10000', NINEFOLD_SEED } = process.env;
const seed = NINEFOLD_SEED === undefined ? undefined : Number(NINEFOLD_SEED);

afterEach(() => {
  vi.restoreAllMocks();
});

it('serves nothing that was deleted, replaced or invalidated before the read began', async () => {
  expect(await searchInterleavings({ runs: Number(NINEFOLD_RUNS), seed })).toBeUndefined();
});

it('serves nothing that was deleted, replaced or invalidated on a server that refuses increments', async () => {
  expect(await searchInterleavings({ runs: Number(NINEFOLD_RUNS), seed, wrong: full })).toBeUndefined();
});

it('serves nothing that was deleted, replaced or invalidated where requests for leases fail', async () => {
  expect(
    await searchInterleavings({ runs: Math.ceil(Number(NINEFOLD_RUNS) / 10), seed, wrong: withoutLeases }),
  ).toBeUndefined();
});

describe('the search finds a stale read where', () => {
  const wrong: readonly (readonly [string, Omit<Trial, 'runs'>])[] = [
    ['a delete does not bump the epoch', { wrong: withoutBumps('!e:') }],
    ['an invalidation does not bump the version of its tag', { wrong: withoutBumps('!t:') }],
    ['a clear does not bump the generation', { wrong: withoutBumps('!g') }],
    ['the fence is read after the load', { wrong: lateFence }],
    ['recreated counters begin at the same value as before', { options: { random: () => 0 } }],
    ['counters are read from a lagging replica', { wrong: lagging }],
  ];

  it.each(wrong)('%s', async (_title, trial) => {
    expect(await searchInterleavings({ runs: 10_000, seed: 1, ...trial })).toMatch(/read at/);
  });

  it('callers join a load no matter when it began', async () => {
    vi.spyOn(Flight.prototype, 'canServe').mockReturnValue(true);
    const getOrSet = { kind: 'getOrSet', key: 'a', named: true } as const;
    const get = { kind: 'get', key: 'b' } as const;
    const callers = [
      { at: 0, actions: [getOrSet] },
      { at: 1, actions: [{ kind: 'delete', key: 'a' }] as const },
      // Comes late, when the delete may be over and the load may still run.
      { at: 0, actions: [get, get, get, get, getOrSet] },
    ];
    expect(await searchInterleavings({ runs: 10_000, seed: 1, callers })).toMatch(/read at/);
  });
});
