import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pageFiles } from '../bench/support/page-files.ts';
import { type Peer, readsBatches } from '../bench/support/peer.ts';
import { estimate } from '../bench/support/statistics.ts';
import { docs, readSubjects } from '../bench/support/subjects.ts';

describe('docs/benchmarks.md', () => {
  it('matches its figures, with all charts (npm run bench -- --page writes it)', async () => {
    const files = await pageFiles(readSubjects());
    for (const [file, text] of files) expect(readFileSync(join(docs, file), 'utf8'), file).toBe(text);
  });

  it('has no other charts', async () => {
    const files = await pageFiles(readSubjects());
    const charts = [...files.keys()].filter((file) => file.endsWith('.svg'));
    expect(readdirSync(join(docs, 'benchmarks')).map((file) => `benchmarks/${file}`)).toEqual(charts.toSorted());
  });

  it('has figures of at least 31 rounds', () => {
    const contests = readSubjects().flatMap(({ sections }) => sections.flatMap((section) => section.contests ?? []));
    expect(contests.length).toBeGreaterThan(0);
    for (const { name, rounds } of contests) expect(rounds, name).toBeGreaterThanOrEqual(31);
  });
});

/** The probability of exactly `heads` in `tosses`. */
function binomial(tosses: number, heads: number): number {
  let probability = 0.5 ** tosses;
  for (let head = 0; head < heads; head++) probability *= (tosses - head) / (head + 1);
  return probability;
}

describe('the interval of a median', () => {
  it.each([6, 15, 31, 100])(
    'of %i samples holds the true median with 95 %% confidence, and would not if it were narrower',
    (count) => {
      const { low, median, high } = estimate(Array.from({ length: count }, (_, index) => index + 1));
      expect(low + high).toBe(2 * median);
      const confidence = (lowest: number): number => {
        let sum = 0;
        for (let below = lowest; below <= count - lowest; below++) sum += binomial(count, below);
        return sum;
      };
      expect(confidence(low)).toBeGreaterThanOrEqual(0.95);
      expect(confidence(low + 1)).toBeLessThan(0.95);
    },
  );
});

describe('the traits of a peer', () => {
  it('include a batch read also if the peer shares its values with its callers', async () => {
    const map = new Map<string, unknown>();
    const peer: Peer = {
      name: 'a Map of objects',
      role: 'peer',
      get: (key) => map.get(key),
      set: (key, value) => map.set(key, value),
      getMany: (keys) => keys.map((key) => map.get(key)),
    };
    expect(await readsBatches(peer)).toBe(true);
    expect(await readsBatches({ ...peer, getMany: () => [undefined, undefined] })).toBe(false);
  });
});
