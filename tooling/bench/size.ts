import { bundledBytes } from './support/bundle.ts';
import { report } from './support/results.ts';

const MAX_KB = 6;
const bundles = [
  ['core, all of it', "export * from '@ninefold/core'", ['superjson']],
  ['core, the part that a backend uses', "export { createBackend } from '@ninefold/core'", ['superjson']],
  ['core, the serializer alone', "export { superjsonSerializer } from '@ninefold/core'", ['superjson']],
  ['core and superjson', "export * from '@ninefold/core'", []],
  ['memory, with core and superjson', "export { memoryBackend } from '@ninefold/memory'", []],
] as const;

const rows: [string, number][] = [];
for (const [name, code, external] of bundles) rows.push([name, (await bundledBytes(code, external)) / 1024]);
for (const [name, kilobytes] of rows) console.log(`  ${name.padEnd(40)} ${kilobytes.toFixed(2)} KB`);

report({
  title: 'Size: bundled, minified and gzipped',
  table: { head: ['', 'KB'], rows: rows.map(([name, kilobytes]) => [name, kilobytes.toFixed(2)]) },
  goals: [{ name: 'KB of core without superjson', measured: rows[0]?.[1] as number, atMost: MAX_KB }],
});
