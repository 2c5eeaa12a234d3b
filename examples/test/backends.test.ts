import { readdirSync, readFileSync } from 'node:fs';
import type { Capabilities } from '@ninefold/core';
import { expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const adapters = readdirSync(new URL('packages/', root)).filter((name) => name !== 'core' && name !== 'cache');
const readme = readFileSync(new URL('README.md', root), 'utf8');

it.each(adapters)('the table of backends shows the capabilities of %s', async (name) => {
  const row = readme.split('\n').find((line) => line.includes(`[\`@ninefold/${name}\`](packages/${name})`));
  const exported: Record<string, unknown> = await import(new URL(`packages/${name}/src/${name}.ts`, root).href);
  const { shared, atomicIncr, ttlGranularity, maxValueBytes } = exported[
    `${camelCase(name)}Capabilities`
  ] as Capabilities;
  expect(
    row
      ?.split('|')
      .slice(3, -1)
      .map((cell) => cell.trim()),
  ).toEqual([
    shared ? 'yes' : 'no',
    atomicIncr ? 'yes' : 'no',
    ttlGranularity < 1 ? `${ttlGranularity * 1000} ms` : `${ttlGranularity} s`,
    maxValueBytes === undefined ? 'no limit of its own' : `${maxValueBytes.toLocaleString('en-US')} bytes`,
  ]);
});

function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_match, letter: string) => letter.toUpperCase());
}
