import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { installedFor, manifestIn } from './support/installed.ts';
import { manifestOf, packages, root } from './support/workspace.ts';

const published = packages.filter((name) => manifestOf(name).private !== true);
/** Licences whose only condition is to include their text. */
const PERMISSIVE = new Set(['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0']);

describe('the packages that a user installs with ours', () => {
  it('have permissive licences, and are all in the table', async () => {
    const rows = published.flatMap((name) =>
      installedFor([name]).map((place) => {
        const { name: dependency, license = 'none' } = manifestIn(place);
        expect(PERMISSIVE, `the licence of ${dependency}`).toContain(license);
        return `| \`${manifestOf(name).name}\` | \`${dependency}\` | ${license} |`;
      }),
    );
    const text = [
      '# Licences of installed packages',
      '',
      'Ninefold is MIT. This table lists every package that installing ours adds. `pnpm vitest --project tooling licences` checks it; with `-u` it writes it.',
      '',
      '| package | installs | licence |',
      '| --- | --- | --- |',
      ...rows.toSorted(),
      '',
    ];
    await expect(text.join('\n')).toMatchFileSnapshot(join(root, 'docs/licences.md'));
  });

  it('run no script when they are installed', () => {
    const places = [...published.map((name) => join(root, name)), ...installedFor(published)];
    const running = places.map(manifestIn).filter(({ scripts = {} }) => {
      return ['preinstall', 'install', 'postinstall'].some((script) => script in scripts);
    });
    expect(running.map(({ name }) => name)).toEqual([]);
  });
});
