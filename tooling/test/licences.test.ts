import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { installedFor, manifestIn } from './support/installed.ts';
import { manifestOf, packages, root } from './support/workspace.ts';

const published = packages.filter((name) => manifestOf(name).private !== true);
/** Licences that ask for no more than their own text. */
const PERMISSIVE = new Set(['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0']);

describe('what a user installs with our packages', () => {
  it('has permissive licences, all of them in the list', async () => {
    const rows = published.flatMap((name) =>
      installedFor([name]).map((place) => {
        const { name: dependency, version, license = 'none' } = manifestIn(place);
        expect(PERMISSIVE, `the licence of ${dependency}`).toContain(license);
        return `| \`${manifestOf(name).name}\` | \`${dependency}\` | ${version} | ${license} |`;
      }),
    );
    const text = [
      '# Licences of what the packages install',
      '',
      'All of Ninefold is MIT. Written and checked by `pnpm vitest --project tooling licences` (with `-u` to write it anew).',
      '',
      '| package | installs | version here | licence |',
      '| --- | --- | --- | --- |',
      ...rows.toSorted(),
      '',
    ];
    await expect(text.join('\n')).toMatchFileSnapshot(join(root, 'docs/licences.md'));
  });

  it('runs no script when it is installed', () => {
    const places = [...published.map((name) => join(root, name)), ...installedFor(published)];
    const running = places.map(manifestIn).filter(({ scripts = {} }) => {
      return ['preinstall', 'install', 'postinstall'].some((script) => script in scripts);
    });
    expect(running.map(({ name }) => name)).toEqual([]);
  });
});
