import { expect, it } from 'vitest';
import { run } from './support/workspace.ts';

it('passes every rule and recognises every error in a program that both imports and requires core', async () => {
  const printed = await run(process.execPath, ['tooling/test/support/two-copies.mjs']);
  expect(printed).toMatch(/^(\d\d+) rules\n\1 rules\n$/);
});
