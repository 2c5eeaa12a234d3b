import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

export const root: string = join(import.meta.dirname, '../../..');

/** The folder of every published package, relative to the root. */
export const packages: readonly string[] = readdirSync(join(root, 'packages'))
  .map((name) => `packages/${name}`)
  .filter((folder) => existsSync(join(root, folder, 'package.json')));

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
}

export function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
}

/** What `startReadmeServers()` resolves to. A package whose README needs servers exports it from `test/support/readme-servers.ts`. */
export interface ReadmeServers {
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** TypeScript's `paths` option: every module that our packages export, with its source file. */
export function sourcePaths(): Record<string, readonly [string]> {
  const entries = packages.flatMap((folder) => {
    const { name, exports } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    return Object.entries<Record<string, string>>(exports).map(
      ([subpath, conditions]) =>
        [join(name, subpath), [join(root, folder, conditions['@ninefold/source'] ?? '')]] as const,
    );
  });
  return Object.fromEntries(entries);
}

interface Place {
  /** Relative to the root, or absolute. */
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const execute = promisify(execFile);

/** Runs a program of the workspace. Resolves to its standard output; rejects with an error that quotes all output. */
export async function run(
  command: string,
  args: readonly string[],
  { folder = '.', env }: Place = {},
): Promise<string> {
  try {
    const options = { cwd: resolve(root, folder), env: { ...process.env, ...env }, maxBuffer: 2 ** 26 };
    return (await execute(command, args, options)).stdout;
  } catch (error) {
    const { message, stdout, stderr } = error as Error & { readonly stdout: string; readonly stderr: string };
    throw new Error([message, stdout, stderr].join('\n'));
  }
}
