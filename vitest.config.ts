import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { defineConfig } from 'vitest/config';

const root = import.meta.dirname;
const folders = [
  'tooling',
  'tooling/adapter-template',
  'examples',
  ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`),
];
// Tests run from the sources of every workspace package, so nothing has to be built first.
const conditions = ['@ninefold/source', 'node', 'import', 'module', 'default'];
const excluded = process.env.NINEFOLD_MATRIX ? [] : ['test/matrix/**'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    // One for each processor: the default keeps one back, which is half of two.
    maxWorkers: '100%',
    // For what hangs, and for nothing else: a test takes as long as a busy machine makes it, and measures what it claims.
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
          include: ['test/**/*.test.ts'],
          exclude: excluded,
        },
      })),
  },
});
