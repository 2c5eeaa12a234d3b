import { join } from 'node:path';

/** Arguments for Node to run TypeScript sources as fast as the built packages. */
export const fromSources: readonly string[] = [
  '--conditions=@ninefold/source',
  '--import',
  join(import.meta.dirname, 'strip-types.mjs'),
];
