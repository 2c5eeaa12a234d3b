import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SubjectResult } from './results.ts';

export const docs = join(import.meta.dirname, '../../../docs');
const file = join(docs, 'benchmarks.json');
/** Significant digits of a stored figure. */
const DIGITS = 4;

/** Reads the results of the last run of each subject from docs/benchmarks.json. */
export function readSubjects(): SubjectResult[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as SubjectResult[]) : [];
}

export function writeSubjects(subjects: readonly SubjectResult[]): void {
  const round = (_: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(DIGITS)) : value;
  // One line per contest, so that diffs are readable.
  const text = JSON.stringify(subjects, round, 1).replace(/\n {5,}/g, ' ');
  writeFileSync(file, `${text}\n`);
}
