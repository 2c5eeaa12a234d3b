import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SubjectResult } from './results.ts';

export const docs = join(import.meta.dirname, '../../../docs');
const file = join(docs, 'benchmarks.json');
/** Digits of a figure that mean anything. */
const DIGITS = 4;

/** The figures of the last run of each subject. */
export function readSubjects(): SubjectResult[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as SubjectResult[]) : [];
}

export function writeSubjects(subjects: readonly SubjectResult[]): void {
  const round = (_: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(DIGITS)) : value;
  // One line for each contest, so that a difference can be read.
  const text = JSON.stringify(subjects, round, 1).replace(/\n {5,}/g, ' ');
  writeFileSync(file, `${text}\n`);
}
