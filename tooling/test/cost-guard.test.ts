import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromSources } from '../bench/support/sources.ts';
import type { ServerProcess } from '../servers/process.ts';
import { startRedis } from '../servers/redis.ts';

/** Runs a program in a process of its own, because counting the coverage of tests slows what they call. */
async function printed<T>(program: string, ...args: readonly string[]): Promise<Readonly<Record<string, T>>> {
  const path = join(import.meta.dirname, 'support', program);
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', ...fromSources, path, ...args]);
  return JSON.parse(stdout) as Readonly<Record<string, T>>;
}

describe('the garbage of a call', () => {
  it('is freed by a minor collection, so that many calls at once need no full one', async () => {
    // A Set of the calls in flight needs many, because V8 chains its outgrown tables. So does a queue whose entries keep the
    // next one.
    const { calls, commands } = await printed<number>('full-collections.ts');
    expect(calls).toBeLessThanOrEqual(1);
    expect(commands).toBeLessThanOrEqual(1);
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

  it('is bounded for reads, writes, batches and increments, as a ratio to JSON, to ioredis with JSON or to an async Map of JSON', async () => {
    const ratios = await printed<readonly [ratio: number, atMost: number]>(
      'cost-ratios.ts',
      server.host,
      `${server.port}`,
    );
    for (const [name, [ratio, atMost]] of Object.entries(ratios)) expect(ratio, name).toBeLessThan(atMost);
    expect(Object.keys(ratios)).toHaveLength(10);
  });
});
