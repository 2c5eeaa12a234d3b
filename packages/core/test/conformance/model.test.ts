import { createBackend } from '@ninefold/core';
import { checkModel } from '@ninefold/core/conformance';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mapCapabilities } from '../support/map-driver.ts';
import { TimedDriver } from '../support/timed-driver.ts';
import { batchMutants } from './mutants/batches.ts';
import { counterMutants } from './mutants/counters.ts';
import { capabilitiesOf, type Mutant } from './mutants/mutant.ts';
import { ttlMutants } from './mutants/ttl.ts';

const right: Pick<Mutant, 'create'> = {
  create: (options, now) => createBackend(new TimedDriver(now), options),
};

function check({ create, ...mutant }: Pick<Mutant, 'create' | 'capabilities'>, runs: number): Promise<void> {
  let time = 0;
  const now = (): number => time;
  const clock = {
    advance: (milliseconds: number) => {
      time += milliseconds;
    },
  };
  const capabilities = mutant.capabilities === undefined ? mapCapabilities : capabilitiesOf(mutant as Mutant);
  return checkModel({ fc, create: (options) => create(options, now), capabilities, clock, runs, seed: 42 });
}

/** Mutants that no sequence of valid calls on three keys can find: of refused input, other forms, sizes, steps and calls at once. */
const beyond = [
  'rounds TTLs down to milliseconds',
  'rounds tiny TTLs to 0, which means no expiry',
  'ends TTLs of less than half a second at once',
  'takes any TTL in incr, and those it does not like for none',
  'takes any TTL in multiSetValues, and those it does not like for none',
  'takes any TTL in setValue, and those it does not like for none',
  'takes a TTL of 0 for a delete',
  'accepts only arrays of pairs',
  'takes anything for the keys of deleteMany',
  'takes anything for the keys of multiGetValues',
  'reads no more than 1,000 keys',
  'passes keys as arguments',
  'returns only a part of a large batch',
  'answers a call after a large batch with the rest of its reply',
  'fails a large batch with an error of the runtime',
  'restarts an expired counter with the old expiry',
  'deletes no more than 1,000 keys',
  'deletes the valid keys of a batch with an invalid one',
  'increments by a get and a set',
  'rolls back what others wrote meanwhile',
  'takes any delta',
  'coalesces each setValue under the TTL of the first',
  'coalesces each multiSetValues under the TTL of the first',
];

describe('the model', () => {
  it('agrees with a correct backend', async () => {
    await check(right, 300);
  });

  it('reports the seed of a failure, and what was expected', async () => {
    const [wrong] = counterMutants;
    const failure: unknown = await check(wrong as Mutant, 500).catch((error: unknown) => error);
    expect(String(failure)).toMatch(/seed: 42/);
    expect(String((failure as Error).cause)).toMatch(/expected .*, got /);
  });

  it('finds every mutant of batches, counters and TTLs except those beyond it', async () => {
    const missed: string[] = [];
    for (const mutant of [...batchMutants, ...counterMutants, ...ttlMutants]) {
      await check(mutant, 1000).then(
        () => missed.push(mutant.name),
        () => undefined,
      );
    }
    expect(missed.sort()).toEqual([...beyond].sort());
  });
});
