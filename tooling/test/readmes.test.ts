import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { snippets } from './support/readme.ts';
import { packages, type ReadmeServers, root, run, sourcePaths } from './support/workspace.ts';

const scratch = mkdtempSync(join(tmpdir(), 'ninefold-readmes-'));
const config = join(scratch, 'tsconfig.json');

// Snippets of the root README have the dependencies of the examples.
const readmes = [
  { file: 'README.md', home: 'examples' },
  ...packages.map((home) => ({ file: `${home}/README.md`, home })),
]
  .filter(({ file }) => existsSync(join(root, file)))
  .map(({ file, home }) => ({
    file,
    servers: join(root, home, 'test/support/readme-servers.ts'),
    modules: join(root, home, 'node_modules'),
    folder: join(scratch, home),
    programs: snippets(readFileSync(join(root, file), 'utf8')),
  }));

beforeAll(() => {
  const files = readmes.flatMap(({ folder, modules, programs }) => {
    mkdirSync(folder, { recursive: true });
    symlinkSync(modules, join(folder, 'node_modules'));
    return programs.map(({ line, text }) => {
      const file = join(folder, `README-${line}.ts`);
      writeFileSync(file, text);
      return file;
    });
  });
  const compilerOptions = {
    noEmit: true,
    noUnusedLocals: false,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    paths: sourcePaths(),
  };
  writeFileSync(config, JSON.stringify({ extends: join(root, 'tsconfig.base.json'), compilerOptions, files }));
  writeFileSync(join(scratch, 'package.json'), JSON.stringify({ type: 'module' }));
});

afterAll(() => rmSync(scratch, { recursive: true }));

it('compiles every ts block of every README', async () => {
  await run('tsc', ['-p', config]);
});

it.each(readmes)('runs the first ts block of $file', async ({ folder, programs: [first], servers }) => {
  expect(first).toBeDefined();
  const file = join(folder, 'first.ts');
  writeFileSync(file, first?.firstBlock ?? '');
  const started: ReadmeServers | undefined = existsSync(servers)
    ? await (await import(servers)).startReadmeServers()
    : undefined;
  try {
    const env = { ...started?.env, TSX_TSCONFIG_PATH: config };
    await run(process.execPath, ['--conditions=@ninefold/source', '--import', 'tsx', file], { env });
  } finally {
    await started?.stop();
  }
});
