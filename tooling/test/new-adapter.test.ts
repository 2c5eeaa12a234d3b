import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root, run } from './support/workspace.ts';

it('makes a package that has its name everywhere and passes every rule unchanged', async () => {
  // Inside the checkout, so that the tools of the root are found.
  mkdirSync(join(root, '.tooling'), { recursive: true });
  const copy = mkdtempSync(join(root, '.tooling/new-adapter-'));
  try {
    await run(process.execPath, ['tooling/new-adapter.mjs', 'two-words', copy]);
    const folder = join(copy, 'packages/two-words');
    expect(readFileSync(join(folder, 'package.json'), 'utf8')).not.toMatch(/template|private/i);
    expect(readFileSync(join(folder, 'src/two-words.ts'), 'utf8')).toContain('export function twoWordsBackend(');
    expect(readFileSync(join(copy, '.changeset/two-words-first.md'), 'utf8')).toContain('"@ninefold/two-words": major');
    for (const file of ['tsconfig.package.json', 'tsconfig.base.json', 'packages/core'])
      symlinkSync(join(root, file), join(copy, file));
    symlinkSync(join(root, 'tooling/adapter-template/node_modules'), join(folder, 'node_modules'));
    // A configuration of its own, or vitest would use the one of this checkout.
    writeFileSync(join(folder, 'vitest.config.mjs'), 'export default {};');
    await run('vitest', ['run', '--root', folder, 'conformance']);
  } finally {
    rmSync(copy, { recursive: true });
  }
});

it('refuses a name that is not in kebab-case, and one that exists', async () => {
  await expect(run(process.execPath, ['tooling/new-adapter.mjs', '../Other'])).rejects.toThrow('kebab-case');
  await expect(run(process.execPath, ['tooling/new-adapter.mjs', 'memory'])).rejects.toThrow('already exists');
});
