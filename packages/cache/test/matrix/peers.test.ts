import { expect, it } from 'vitest';
import { readReadme, stampedeTable } from '../peers/table.ts';

it('the table of the README holds the results of the scenarios (npm run stampedes writes it)', async () => {
  expect((await stampedeTable()).split('\n')).toEqual(readReadme().table.split('\n'));
});
