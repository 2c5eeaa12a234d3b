import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { superjsonSerializer } from '@ninefold/core';
import { describe, expect, it } from 'vitest';
import { samples } from './support/samples.ts';

interface Golden {
  readonly version: string;
  readonly payloads: Readonly<Record<string, string>>;
}

const folder = join(import.meta.dirname, 'golden');
const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
const golden = files.map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Golden);
const parts = ({ version }: Golden): number[] => version.split('.').map(Number);
golden.sort((a, b) => parts(a).reduce((order, part, index) => order || part - (parts(b)[index] ?? 0), 0));

describe('what was written', () => {
  it('is checked in for every released version, under its name', () => {
    expect(files).toEqual(expect.arrayContaining(golden.map(({ version }) => `${version}.json`)));
    expect(golden.length).toBeGreaterThan(0);
  });

  for (const { version, payloads } of golden) {
    for (const [name, text] of Object.entries(payloads)) {
      it(`by ${version} is readable: ${name}`, () => {
        const sample = samples.find((known) => known.name === name);
        if (sample === undefined) throw new Error('a sample that was released is kept');
        const expected = 'back' in sample ? sample.back : sample.value;
        expect(isDeepStrictEqual(superjsonSerializer.deserialize(text), expected)).toBe(true);
      });
    }
  }

  it('by the newest version is what is written', () => {
    const { payloads } = golden.at(-1) as Golden;
    const changed = samples.filter(
      ({ name, value }) => name in payloads && superjsonSerializer.serialize(value) !== payloads[name],
    );
    expect(changed.map(({ name }) => name)).toEqual([]);
  });
});
