import { RuleBroken, rulesFor, runRule } from '@ninefold/core/conformance';
import { describe, expect, it } from 'vitest';
import { argumentMutants } from './mutants/arguments.ts';
import { batchMutants } from './mutants/batches.ts';
import { counterMutants } from './mutants/counters.ts';
import { errorMutants } from './mutants/errors.ts';
import { keyMutants, sharingMutants } from './mutants/keys.ts';
import { capabilitiesOf, type Mutant } from './mutants/mutant.ts';
import { concurrencyMutants, lifecycleMutants } from './mutants/others.ts';
import { corruptionMutants, readMutants, serializerMutants } from './mutants/reads.ts';
import { ttlMutants } from './mutants/ttl.ts';
import { valueMutants } from './mutants/values.ts';

const mutants: readonly Mutant[] = [
  ...valueMutants,
  ...keyMutants,
  ...sharingMutants,
  ...ttlMutants,
  ...batchMutants,
  ...argumentMutants,
  ...counterMutants,
  ...readMutants,
  ...corruptionMutants,
  ...serializerMutants,
  ...errorMutants,
  ...lifecycleMutants,
  ...concurrencyMutants,
];

/** Rules about large batches take long, and run only against the mutants meant for them. */
const SLOW = new Set([
  'batches/10000',
  'batches/200000',
  'corruption/bounded',
  'values/refuses-too-deep',
  'ttl/thousand-expire',
  'types/on-callers-time',
]);

const broken = new Map<string, readonly string[]>();

async function brokenBy(mutant: Mutant): Promise<readonly string[]> {
  const capabilities = capabilitiesOf(mutant);
  const ids: string[] = [];
  for (const rule of rulesFor({ capabilities })) {
    if (SLOW.has(rule.id) && !mutant.breaks.includes(rule.id)) continue;
    let time = 0;
    const now = (): number => time;
    const clock = {
      advance: (milliseconds: number) => {
        time += milliseconds;
      },
    };
    try {
      await runRule(rule, { create: (options) => mutant.create(options, now), capabilities, clock }, mutant.name);
    } catch (error) {
      if (!(error instanceof RuleBroken)) throw error;
      ids.push(rule.id);
    }
  }
  return ids;
}

describe('the suite', () => {
  for (const mutant of mutants) {
    it(`catches a backend that ${mutant.name}`, async () => {
      const ids = await brokenBy(mutant);
      broken.set(mutant.name, ids);
      expect(ids).toEqual(expect.arrayContaining([...mutant.breaks]));
      expect(mutant.breaks.length).toBeGreaterThan(0);
    });
  }

  it('has no rule that no mutant breaks', () => {
    const caught = new Set([...broken.values()].flat());
    const ids = [
      ...new Set(
        [true, false].flatMap((shared) =>
          [true, false].flatMap((atomicIncr) =>
            rulesFor({ capabilities: { shared, atomicIncr, ttlGranularity: 1, maxValueBytes: 100_000 } }).map(
              ({ id }) => id,
            ),
          ),
        ),
      ),
    ];
    expect(ids.filter((id) => !caught.has(id))).toEqual([]);
  });

  it('breaks, for each mutant, the rules of the reviewed snapshot', async () => {
    const lines = [...broken].map(([name, ids]) => `${name}\n${ids.map((id) => `  ${id}\n`).join('')}`);
    await expect(lines.join('\n')).toMatchFileSnapshot('mutants.matrix.txt');
  });
});
