import { join } from 'node:path';

/** What Node needs to run a benchmark from the sources, each as fast as its build. */
export const fromSources: readonly string[] = [
  '--conditions=@ninefold/source',
  '--import',
  join(import.meta.dirname, 'strip-types.mjs'),
];
