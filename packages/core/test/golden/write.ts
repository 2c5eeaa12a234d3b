// Records the bytes of a release, once: `node --conditions=@ninefold/source --import tsx test/golden/write.ts 1.0.0`
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { superjsonSerializer } from '@ninefold/core';
import { samples } from '../support/samples.ts';

/** Longer texts would test nothing more. */
const MAX_CHARACTERS = 5000;

const version = process.argv[2] ?? '';
if (!/^\d+\.\d+\.\d+$/.test(version)) throw new Error('which version? for example 1.0.0');
const file = join(import.meta.dirname, `${version}.json`);
if (existsSync(file)) throw new Error('what was released stays as it was');
const payloads = Object.fromEntries(
  samples
    .map(({ name, value }) => [name, superjsonSerializer.serialize(value)] as const)
    .filter(([, text]) => text.length <= MAX_CHARACTERS),
);
writeFileSync(file, `${JSON.stringify({ version, payloads }, null, 2)}\n`);
