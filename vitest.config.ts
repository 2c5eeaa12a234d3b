import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { defineConfig } from 'vitest/config';

const root = import.meta.dirname;
const folders = [
  'tooling',
  'tooling/adapter-template',
  'examples',
  ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`),
];
// Tests import the sources of workspace packages, so nothing has to be built first.
const conditions = ['@ninefold/source', 'node', 'import', 'module', 'default'];
const excluded = process.env.NINEFOLD_MATRIX ? [] : ['test/matrix/**'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    // One more worker than processors, because tests wait for servers and timers for two fifths of their time.
    maxWorkers: availableParallelism() + 1,
    // These timeouts only end tests that hang. A test of durations measures them itself, because load can slow down any test.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 30_000 } },
    coverage: {
      include: ['**/src/**'],
      reporter: ['text', 'html'],
      thresholds: { 'packages/core/src/**': { lines: 95 } },
    },
    projects: folders
      .filter((folder) => existsSync(join(root, folder, 'test')))
      .map((folder) => ({
        extends: true as const,
        test: {
          name: basename(folder),
          root: join(root, folder),
          // Once, and not by several test files at a time, which would take from each other what is built.
          globalSetup: folder === 'tooling' ? [join(root, 'tooling/test/support/build.ts')] : [],
          include: ['test/**/*.test.ts'],
          exclude: excluded,
        },
      })),
  },
});
