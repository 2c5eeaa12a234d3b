import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { chartOf, isCharted } from './charts.ts';
import { chartFileOf, pageOf } from './page.ts';
import type { SubjectResult } from './results.ts';
import { docs, readSubjects } from './subjects.ts';

/** The texts of the page and its charts, by path in `docs`. */
export async function pageFiles(subjects: readonly SubjectResult[]): Promise<ReadonlyMap<string, string>> {
  const files = new Map([['benchmarks.md', pageOf(subjects)]]);
  for (const section of subjects.flatMap(({ sections }) => sections)) {
    if (isCharted(section)) files.set(chartFileOf(section), await chartOf(section));
  }
  return files;
}

/** Writes the page and its charts, and deletes all other charts. */
export async function writePage(): Promise<void> {
  // From the file, whose figures are rounded.
  const files = await pageFiles(readSubjects());
  rmSync(join(docs, 'benchmarks'), { recursive: true, force: true });
  for (const [file, text] of files) {
    mkdirSync(dirname(join(docs, file)), { recursive: true });
    writeFileSync(join(docs, file), text);
  }
  console.log(`\nwrote docs/benchmarks.md and ${files.size - 1} charts`);
}
