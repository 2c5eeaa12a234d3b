import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { snippets } from './support/readme.ts';
import { packages, root, run, sourcePaths } from './support/workspace.ts';

// Beside each package, so that its own dependencies resolve; ignored by git; one for each process, as two may run at once.
const scratch = `.readme-${process.pid}`;

// What the root's README shows has the dependencies of the examples.
const readmes = [
  { file: 'README.md', home: 'examples' },
  ...packages.map((home) => ({ file: `${home}/README.md`, home })),
]
  .filter(({ file }) => existsSync(join(root, file)))
  .map(({ file, home }) => ({
    file,
    folder: join(home, scratch),
    programs: snippets(readFileSync(join(root, file), 'utf8')),
  }));

const config = join(root, 'tooling', scratch, 'tsconfig.json');

beforeAll(() => {
  const files = readmes.flatMap(({ folder, programs }) => {
    mkdirSync(join(root, folder));
    return programs.map(({ line, text }) => {
      const file = join(root, folder, `line-${line}.ts`);
      writeFileSync(file, text);
      return file;
    });
  });
  mkdirSync(join(root, 'tooling', scratch));
  const compilerOptions = {
    noEmit: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    noUnusedLocals: false,
    // A README may show other packages of ours than those its own depends on.
    paths: sourcePaths(),
  };
  writeFileSync(config, JSON.stringify({ extends: join(root, 'tsconfig.base.json'), compilerOptions, files }));
});

afterAll(() => {
  for (const folder of [...readmes.map(({ folder }) => folder), `tooling/${scratch}`])
    rmSync(join(root, folder), { recursive: true, force: true });
});

it('compiles every ts block of every README', async () => {
  await run('tsc', ['-p', config]);
}, 60_000);

it.each(readmes)(
  'runs the first ts block of $file',
  async ({ folder, programs: [first] }) => {
    expect(first).toBeDefined();
    const file = join(root, folder, 'first.ts');
    writeFileSync(file, first?.firstBlock ?? '');
    await run(process.execPath, ['--conditions=@ninefold/source', '--import', 'tsx', file], {
      env: { TSX_TSCONFIG_PATH: config },
    });
  },
  60_000,
);
