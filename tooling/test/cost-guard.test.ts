import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromSources } from '../bench/support/sources.ts';
import type { ServerProcess } from '../servers/process.ts';
import { startRedis } from '../servers/redis.ts';

/** Runs a program in a process of its own, because counting the coverage of tests slows what they call. */
async function printed(program: string, ...args: readonly string[]): Promise<Readonly<Record<string, number>>> {
  const path = join(import.meta.dirname, 'support', program);
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', ...fromSources, path, ...args]);
  return JSON.parse(stdout) as Readonly<Record<string, number>>;
}

describe('the garbage of a call', () => {
  it('is freed by a minor collection, so that many calls at once need no full one', async () => {
    // A Set of the calls in flight needs many, because V8 chains its outgrown tables; so does a hidden class per coalesced call.
    const { alone, coalesced } = await printed('full-collections.ts');
    expect(alone).toBeLessThanOrEqual(1);
    expect(coalesced).toBeLessThanOrEqual(1);
  });
});

describe('the cost of the contract', () => {
  let server: ServerProcess;

  beforeAll(async () => {
    server = await startRedis();
  });

  afterAll(async () => {
    await server.stop();
  });

  it('is less than three times JSON, or ioredis with JSON, and four times an async Map of JSON in memory', async () => {
    const ratios = await printed('cost-ratios.ts', server.host, String(server.port));
    // Each bound is at least twice the figure in docs/benchmarks.md, so that only a large regression breaks it.
    for (const [name, ratio] of Object.entries(ratios)) {
      expect(ratio, name).toBeLessThan(name.startsWith('memory') ? 4 : 3);
    }
    expect(Object.keys(ratios)).toHaveLength(9);
  });
});
