import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

// `npm run bench -- memory` runs tooling/bench/memory.ts; the rest of the line is its own.
const names = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.ts') && file !== 'main.ts');
const name = process.argv[2] ?? '';
const file = join(import.meta.dirname, `${name}.ts`);

if (names.includes(`${name}.ts`) && existsSync(file)) {
  await import(file);
} else {
  console.error(
    `npm run bench -- <name> [--quick] [--json FILE], where name is one of: ${names.map((n) => n.slice(0, -3)).join(', ')}`,
  );
  process.exitCode = 1;
}
