import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** The versions of installed packages. */
export function packageVersions(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, manifestOf(name).version]));
}

/** The versions of packages as one that depends on them has them. */
export function versionsWithin(dependent: string, names: readonly string[]): Record<string, string> {
  const { folder } = manifestOf(dependent);
  const within = createRequire(join(realpathSync(folder), 'package.json'));
  return Object.fromEntries(names.map((name) => [name, manifestOf(name, within).version]));
}

/** The version that an executable prints for `--version`. */
export function programVersion(program: string): string {
  const words = execFileSync(program, ['--version'], { encoding: 'utf8' });
  return /\d+(?:\.\d+)+/.exec(words)?.[0] ?? words.trim();
}

function manifestOf(name: string, from = require): { readonly folder: string; readonly version: string } {
  for (const modules of from.resolve.paths(name) ?? []) {
    const folder = join(modules, name);
    try {
      const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
      return { folder, version };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`${name} is not installed under ${dirname(import.meta.filename)}`);
}
