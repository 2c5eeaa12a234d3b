import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commandOf, runtimes } from '../runtimes.mjs';
import type { ServerProcess } from '../servers/process.ts';
import type { Tried } from './rules-alone.ts';

/**
 * Defines a test for each runtime. `program` is the path of a module that prints what `tryRules` resolves, for the server
 * whose host and port are its argument. It is bundled, because not every runtime reads TypeScript, and minified, as users' are.
 */
export function tryRuntimes(program: string, start: () => Promise<ServerProcess>): void {
  const folder = mkdtempSync(join(tmpdir(), 'ninefold-runtimes-'));
  const file = join(folder, 'program.cjs');
  let server: ServerProcess;

  beforeAll(async () => {
    server = await start();
    const conditionNames = ['@ninefold/source', 'node', 'import', 'default'];
    const bundle = await rolldown({ input: program, platform: 'node', resolve: { conditionNames } });
    await bundle.write({ file, format: 'cjs', minify: true });
  });

  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await server.stop();
  });

  it.each(runtimes)('every rule is kept under %s', async (runtime) => {
    const [command, args] = await commandOf(runtime);
    const { stdout } = await promisify(execFile)(command, [...args, file, `${server.host}:${server.port}`]);
    const { tried, broken } = JSON.parse(stdout) as Tried;
    expect(broken).toEqual([]);
    expect(tried).toBeGreaterThan(200);
  });
}
