import { afterEach, describe, expect, it, vi } from 'vitest';
import { Flight } from '../src/flight.ts';
import { searchInterleavings, type Trial } from './support/interleavings.ts';
import { lagging, lateFence, withoutBumps } from './support/wrong-backends.ts';

const { NINEFOLD_RUNS = '10000', NINEFOLD_SEED } = process.env;
const seed = NINEFOLD_SEED === undefined ? undefined : Number(NINEFOLD_SEED);

afterEach(() => {
  vi.restoreAllMocks();
});

it('serves nothing that was deleted, replaced or invalidated before the read began', async () => {
  expect(await searchInterleavings({ runs: Number(NINEFOLD_RUNS), seed })).toBeUndefined();
});

describe('the search finds what is wrong where', () => {
  const wrong: readonly (readonly [string, Omit<Trial, 'runs'>])[] = [
    ['a delete does not move the epoch', { wrong: withoutBumps('!e:') }],
    ['an invalidation does not move the version of its tag', { wrong: withoutBumps('!t:') }],
    ['a clear does not move the generation', { wrong: withoutBumps('!g') }],
    ['the fence is taken after the load', { wrong: lateFence }],
    ['counters that were evicted begin where they began before', { options: { random: () => 0 } }],
    ['counters are read from a replica that lags', { wrong: lagging }],
  ];

  it.each(wrong)('%s', async (_title, trial) => {
    expect(await searchInterleavings({ runs: 10_000, seed: 1, ...trial })).toMatch(/read at/);
  });

  it('callers join a load whenever it began', async () => {
    vi.spyOn(Flight.prototype, 'canServe').mockReturnValue(true);
    const getOrSet = { kind: 'getOrSet', key: 'a', named: true } as const;
    const get = { kind: 'get', key: 'b' } as const;
    const callers = [
      { at: 0, deeds: [getOrSet] },
      { at: 1, deeds: [{ kind: 'delete', key: 'a' }] as const },
      // Comes late, when the delete may be over and the load is not.
      { at: 0, deeds: [get, get, get, get, getOrSet] },
    ];
    expect(await searchInterleavings({ runs: 10_000, seed: 1, callers })).toMatch(/read at/);
  });
});
