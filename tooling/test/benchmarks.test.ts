import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pageFiles } from '../bench/support/page-files.ts';
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
