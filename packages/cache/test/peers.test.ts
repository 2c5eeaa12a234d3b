import { expect, it } from 'vitest';
import { readReadme, stampedeTable } from './peers/table.ts';

it('the table of the README is what the scenarios come to (npm run stampedes writes it)', async () => {
  const table = await stampedeTable();
  expect(readReadme().table.split('\n')).toEqual(table.split('\n'));
  // Whoever wrote the table, we are to hold every row of it.
  const rows = table.split('\n').slice(2);
  expect(rows.map((row) => row.split(' | ')[1])).toEqual(rows.map(() => 'yes'));
}, 120_000);
