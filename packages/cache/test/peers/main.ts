import { writeFileSync } from 'node:fs';
import { readmeWith, stampedeTable } from './table.ts';

// `npm run stampedes`: plays the scenarios and writes the table into the README.
const table = await stampedeTable();
const { file, wanted } = readmeWith(table);
writeFileSync(file, wanted);
process.stdout.write(`${table}\n`);
process.exit();
