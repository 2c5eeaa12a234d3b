import { expect, it } from 'vitest';
import { bundledBytes } from '../bench/support/bundle.ts';

/** docs/benchmarks.md shows what this size consists of. */
const MAX_BYTES = 10.4 * 1024;

it('core bundles to at most 10.4 KB, minified and gzipped, without superjson', async () => {
  expect(await bundledBytes("export * from '@ninefold/core'", ['superjson'])).toBeLessThanOrEqual(MAX_BYTES);
});
