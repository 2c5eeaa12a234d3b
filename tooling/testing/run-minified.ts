import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';

/** Milliseconds after which the program is killed. */
const TIMEOUT_MS = 60_000;

/** Bundles and minifies a module, by its path, so that classes have other names. Runs it with `args`, and resolves to its output. */
export async function runMinified(program: string, ...args: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ninefold-minified-'));
  try {
    const file = join(folder, 'program.mjs');
    const conditionNames = ['@ninefold/source', 'node', 'import', 'default'];
    const bundle = await rolldown({ input: program, platform: 'node', resolve: { conditionNames } });
    await bundle.write({ file, format: 'es', minify: true });
    const { stdout } = await promisify(execFile)(process.execPath, [file, ...args], { timeout: TIMEOUT_MS });
    return stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}
