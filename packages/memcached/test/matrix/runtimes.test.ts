import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { commandOf, runtimes } from '@ninefold/tooling/runtimes';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'ninefold-runtimes-'));
const program = join(folder, 'program.cjs');

let server: ServerProcess;

beforeAll(async () => {
  server = await startMemcached();
  await build({
    entryPoints: [join(import.meta.dirname, '../programs/try-rules.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'es2022',
    conditions: ['@ninefold/source'],
  });
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await server.stop();
});

it.each(runtimes)('every rule is kept under %s', async (runtime) => {
  const [command, args] = await commandOf(runtime);
  const { stdout } = await promisify(execFile)(command, [...args, program, `${server.host}:${server.port}`]);
  const { tried, broken } = JSON.parse(stdout) as { tried: number; broken: string[] };
  expect(broken).toEqual([]);
  expect(tried).toBeGreaterThan(200);
});
