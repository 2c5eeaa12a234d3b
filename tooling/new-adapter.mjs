// `npm run new-adapter -- valkey` copies the template to packages/valkey, an adapter that passes the suite unchanged.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const template = fileURLToPath(new URL('adapter-template', import.meta.url));
const [name = '', root = fileURLToPath(new URL('..', import.meta.url))] = process.argv.slice(2);
const target = join(root, 'packages', name);
if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) fail('usage: npm run new-adapter -- a-name-in-kebab-case');
if (existsSync(target)) fail(`packages/${name} already exists`);

const pascal = name.replace(/(^|-)(.)/g, (_match, _dash, letter) => letter.toUpperCase());
const camel = `${pascal[0]?.toLowerCase()}${pascal.slice(1)}`;

for (const folder of ['.', 'src', 'test']) {
  for (const entry of readdirSync(join(template, folder), { withFileTypes: true })) {
    if (entry.isFile())
      write(join('packages', name, renamed(join(folder, entry.name))), textOf(join(folder, entry.name)));
  }
}
write(
  `.changeset/${name}-first.md`,
  `---\n"@ninefold/${name}": major\n---\n\nCache in ${pascal}, with the nine operations of the contract.\n`,
);
console.log(
  `Created packages/${name} and .changeset/${name}-first.md. Next: pnpm install && pnpm vitest --project ${name}`,
);

/** @param {string} file */
function textOf(file) {
  const text = readFileSync(join(template, file), 'utf8');
  return renamed(file === 'package.json' ? text.replace('  "private": true,\n', '') : text);
}

/** @param {string} text */
function renamed(text) {
  return text
    .replace(/template(?=Backend|Capabilities)/g, camel)
    .replaceAll('Template', pascal)
    .replaceAll('template', name);
}

/** @param {string} file @param {string} text */
function write(file, text) {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

/** @param {string} message @returns {never} */
function fail(message) {
  console.error(message);
  process.exit(1);
}
