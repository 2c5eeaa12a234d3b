import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { writePage } from './support/page-files.ts';
import { type FileResult, readFileResult, type SubjectResult, thisMachine } from './support/results.ts';
import { fromSources } from './support/sources.ts';
import { readSubjects, writeSubjects } from './support/subjects.ts';

/** In the order of the page. */
const SUBJECTS = ['memory', 'redis', 'memcached', 'upstash', 'cache', 'serializer', 'heap', 'size'];
const USAGE = `npm run bench -- [${SUBJECTS.join(' | ')}]… [--quick] [--page]

Measures all subjects, or those that are named, and updates docs/benchmarks.json, the page and its charts.
--quick  few rounds, to check that everything runs; writes nothing
--page   redraws the page from docs/benchmarks.json; measures nothing`;

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, page: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !SUBJECTS.includes(name));

if (unknown.length > 0) {
  console.error(USAGE);
  process.exitCode = 1;
} else if (values.page) {
  await writePage();
} else {
  await measure(SUBJECTS.filter((name) => positionals.length === 0 || positionals.includes(name)));
}

async function measure(names: readonly string[]): Promise<void> {
  const fresh: SubjectResult[] = [];
  for (const name of names) fresh.push(await measureSubject(name));
  if (values.quick) return;
  const kept = readSubjects().filter(({ subject }) => !names.includes(subject));
  const subjects = [...fresh, ...kept].sort((a, b) => SUBJECTS.indexOf(a.subject) - SUBJECTS.indexOf(b.subject));
  writeSubjects(subjects);
  await writePage();
}

async function measureSubject(subject: string): Promise<SubjectResult> {
  const start = performance.now();
  const results: FileResult[] = [];
  for (const file of filesOf(subject)) results.push(await runFile(file));
  return {
    subject,
    command: ['npm run bench', ...(positionals.length === 0 ? [] : ['--', ...positionals])].join(' '),
    date: new Date().toISOString(),
    seconds: Math.round((performance.now() - start) / 1000),
    machine: thisMachine(),
    versions: Object.assign({}, ...results.map(({ versions }) => versions)),
    sections: results.flatMap(({ sections }) => sections),
  };
}

/** The programs of a subject: its own one, which may have targets, and the one that compares it with its peers. */
function filesOf(subject: string): string[] {
  return [`${subject}.ts`, `peers/${subject}.ts`]
    .map((file) => join(import.meta.dirname, file))
    .filter((file) => existsSync(file));
}

/** Runs a program in its own process, so that compiled code and heap of one do not affect the next. */
async function runFile(file: string): Promise<FileResult> {
  const folder = mkdtempSync(join(tmpdir(), 'ninefold-bench-'));
  const json = join(folder, 'result.json');
  const args = [...fromSources, file, '--json', json];
  try {
    const child = spawn(process.execPath, [...args, ...(values.quick ? ['--quick'] : [])], { stdio: 'inherit' });
    const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
    if (code !== 0) throw new Error(`${relative(process.cwd(), file)} failed, so nothing was written`);
    return readFileResult(json);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
