// The `build` script of every package, run in its folder. Writes ES modules and types to `dist`, CommonJS to `dist/cjs`.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { rolldown } from 'rolldown';

rmSync('dist', { recursive: true, force: true });
execFileSync('tsc', ['-p', 'tsconfig.json'], { stdio: 'inherit' });

const declarations = readdirSync('dist', { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.d.ts'),
);

const { dependencies = {}, exports } = readJson('package.json');
/** @type {string[]} */
const modules = Object.values(exports).map((conditions) => conditions.import.default);
const input = Object.fromEntries(modules.map((file) => [file.replace(/^\.\/dist\/|\.js$/g, ''), file]));
const required = Object.keys(dependencies).filter((name) => !isEsmOnly(name));

const bundle = await rolldown({
  input,
  platform: 'node',
  external: (id) => required.some((name) => id === name || id.startsWith(`${name}/`)),
});
const { output } = await bundle.write({
  dir: 'dist/cjs',
  format: 'cjs',
  exports: 'named',
  chunkFileNames: 'shared.js',
});
// Bundled dependencies are distributed with the package, so their licences must be, too.
const homes = output.flatMap((chunk) => ('moduleIds' in chunk ? chunk.moduleIds : []).map(homeOf));
for (const home of new Set(homes)) {
  if (home !== undefined) copyFileSync(join(home, 'LICENSE'), join('dist/cjs', `LICENSE-${basename(home)}`));
}
// Declarations import each other by relative paths, so the same files serve both formats. The manifest below marks them, and
// the code beside them, as CommonJS.
for (const file of declarations) {
  mkdirSync(dirname(join('dist/cjs', file)), { recursive: true });
  copyFileSync(join('dist', file), join('dist/cjs', file));
}
writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n');

/** The folder of the installed package that contains a module. @param {string} id */
function homeOf(id) {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0];
}

/** Whether to bundle a dependency, because not every `require` can load ES modules (Jest's cannot). @param {string} name */
function isEsmOnly(name) {
  const manifest = readJson(join('node_modules', name, 'package.json'));
  return manifest.type === 'module' && !JSON.stringify(manifest.exports ?? '').includes('"require"');
}

/** @param {string} file */
function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}
