import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { rolldown } from 'rolldown';
import { expect, it } from 'vitest';

it('tells the failures of its client apart in a minified bundle, too, where classes have other names', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ninefold-minified-'));
  const file = join(folder, 'program.mjs');
  const bundle = await rolldown({
    input: join(import.meta.dirname, 'programs/report-failures.ts'),
    platform: 'node',
    resolve: { conditionNames: ['@ninefold/source', 'node', 'import', 'default'] },
  });
  await bundle.write({ file, format: 'es', minify: true });
  const server = await startRedis();
  const { stdout } = await promisify(execFile)(process.execPath, [file, `redis://${server.host}:${server.port}`]);
  expect(JSON.parse(stdout)).toEqual([
    { code: 'NOT_A_COUNTER', maybeApplied: false },
    { code: 'AUTH', maybeApplied: false },
    { code: 'UNAVAILABLE', maybeApplied: false },
  ]);
  await server.stop();
  await rm(folder, { recursive: true });
});
