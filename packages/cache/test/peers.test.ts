import { expect, it } from 'vitest';
import { readReadme, stampedeTable } from './peers/table.ts';

/** A table without the results of other libraries, which a busy machine may change. */
function ours(table: string): readonly (readonly (string | undefined)[])[] {
  const [titles, , ...rows] = table.split('\n').map((line) => line.split(' | '));
  return [titles ?? [], ...rows.map(([scenario, own]) => [scenario, own])];
}

it('this package passes every row of the README’s table, whose rows and versions are those of the scenarios', async () => {
  const table = ours(await stampedeTable());
  expect(table).toEqual(ours(readReadme().table));
  expect(table.slice(1).map(([, own]) => own)).toEqual(table.slice(1).map(() => 'yes'));
});
