import { join } from 'node:path';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { runMinified } from '@ninefold/tooling/testing/run-minified';
import { expect, it } from 'vitest';

it('tells the failures of its client apart in a minified bundle, too, where classes have other names', async () => {
  const server = await startRedis();
  const program = join(import.meta.dirname, 'programs/report-failures.ts');
  const output = await runMinified(program, `redis://${server.host}:${server.port}`);
  expect(JSON.parse(output)).toEqual([
    { code: 'NOT_A_COUNTER', maybeApplied: false },
    { code: 'AUTH', maybeApplied: false },
    { code: 'UNAVAILABLE', maybeApplied: false },
  ]);
  await server.stop();
});
