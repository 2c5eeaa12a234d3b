import { writeFileSync } from 'node:fs';
import { readReadme, stampedeTable } from './table.ts';

// `npm run stampedes`: plays the scenarios and writes the table into the README.
const table = await stampedeTable();
const readme = readReadme();
writeFileSync(readme.file, readme.with(table));
process.stdout.write(`${table}\n`);
process.exit();
