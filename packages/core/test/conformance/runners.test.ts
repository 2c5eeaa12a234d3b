import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createBackend } from '@ninefold/core';
import { rulesFor, runRule } from '@ninefold/core/conformance';
import { describe, expect, it } from 'vitest';
import { mapCapabilities } from '../support/map-driver.ts';
import { TimedDriver } from '../support/timed-driver.ts';

const core = join(import.meta.dirname, '../..');
const folder = join(import.meta.dirname, 'runners');
const bin = (name: string, path: string): string =>
  join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), path);
const sources = ['--conditions=@ninefold/source', '--import', 'tsx'];

/** The command of each runner. */
const runners: Record<string, readonly string[]> = {
  'node:test': [...sources, '--test-reporter=tap', join(folder, 'node-test.ts')],
  Mocha: [...sources, bin('mocha', 'bin/mocha.js'), '--reporter=tap', join(folder, 'globals.ts')],
  Jest: [
    '--experimental-vm-modules',
    bin('jest', 'bin/jest.js'),
    '--config',
    join(folder, 'jest.config.json'),
    '--verbose',
    '--no-cache',
  ],
};

function run(
  args: readonly string[],
  wrong: boolean,
): Promise<{ readonly code: number | null; readonly output: string }> {
  // A runner that finds the variables of another would take itself for its child.
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, VITEST: ___, ...env } = process.env;
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: core, env: { ...env, WRONG: wrong ? '1' : '', NO_COLOR: '1' } });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => {
        output += text;
      });
    child.on('close', (code) => resolve({ code, output }));
  });
}

describe('the suite', () => {
  const count = rulesFor({ capabilities: mapCapabilities }).length;

  for (const [runner, args] of Object.entries(runners)) {
    it(`runs under ${runner}, which passes a right backend and reports the calls of a wrong one`, async () => {
      const right = await run(args, false);
      expect(right.output).toContain(
        'ttl/replaced-by-set: a set without a TTL removes the TTL of the entry it replaces',
      );
      expect(right.code).toBe(0);
      const titles = new Set(right.output.match(/\b[a-z]+\/[A-Za-z0-9-]+(?=: )/g));
      expect(titles.size).toBeGreaterThanOrEqual(count);
      const wrong = await run(args, true);
      expect(wrong.code).not.toBe(0);
      expect(wrong.output).toContain(
        'a backend breaks counters/delta-zero: a delta of 0 creates, and changes no counter',
      );
      expect(wrong.output).toContain('expected 0, got 1');
    });
  }

  it('runs without any runner', async () => {
    let now = 0;
    const clock = {
      advance(milliseconds: number): void {
        now += milliseconds;
      },
    };
    const options = {
      create: (given: object) => createBackend(new TimedDriver(() => now), given),
      capabilities: mapCapabilities,
      clock,
    };
    for (const rule of rulesFor(options)) await runRule(rule, options);
  });
});
