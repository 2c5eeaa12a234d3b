import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { Failure, run, step } from './run.mjs';
import { commandOf } from './runtimes.mjs';
import { findServers } from './servers/find.mjs';

/** @type {readonly (readonly [title: string, command: string, args: readonly string[]])[]} */
const checks = [
  ['types', 'tsc', ['-p', 'tsconfig.json']],
  ['lint and format', 'biome', ['check', '--error-on-warnings', '.']],
  ['unused code and dependencies', 'knip', []],
  ['manifests', 'sherif', []],
];

/**
 * Runs every check, then every suite, and in the matrix all but those of `tooling` again on newer versions of Node.js. Each
 * check counts as one test. Arguments are passed to vitest and narrow its runs.
 * @param {readonly string[]} args
 * @returns {Promise<number>} the exit code
 */
export async function test(args) {
  requireServers();
  const newer = process.env.NINEFOLD_MATRIX ? await newerNodes() : [];
  const outcomes = await Promise.all(checks.map((check) => step(...check)));
  const counts = outcomes.map((succeeded) => ({ passed: Number(succeeded), failed: Number(!succeeded) }));
  counts.push(await runSuites(args));
  for (const node of newer) counts.push(await runSuitesOn(node, args));
  const passed = counts.reduce((total, count) => total + count.passed, 0);
  const failed = counts.reduce((total, count) => total + count.failed, 0);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** Throws a `Failure` that says what to install, unless the servers are there or can be installed. */
export function requireServers() {
  try {
    findServers();
  } catch (error) {
    throw new Failure(/** @type {Error} */ (error).message);
  }
}

async function newerNodes() {
  try {
    return await Promise.all(/** @type {const} */ (['Node 24', 'Node 26']).map(folderOf));
  } catch (error) {
    throw new Failure(`The matrix needs newer versions of Node.js: ${/** @type {Error} */ (error).message}`);
  }
}

/** @param {'Node 24' | 'Node 26'} name */
async function folderOf(name) {
  const [program] = await commandOf(name);
  return { name, folder: dirname(program) };
}

/** @param {Awaited<ReturnType<typeof folderOf>>} node @param {readonly string[]} args */
async function runSuitesOn({ name, folder }, args) {
  console.log(`On ${name}, without the tests of the matrix:`);
  // Arguments may name tests of the matrix alone.
  const tests = args.length === 0 ? ['--project=!tooling'] : [...args, '--passWithNoTests'];
  return await runSuites(tests, { PATH: [folder, process.env.PATH].join(delimiter), NINEFOLD_MATRIX: '' });
}

/** @param {readonly string[]} args @param {NodeJS.ProcessEnv} [env] */
async function runSuites(args, env) {
  // Outside the checkout, because two runs at once must not share these files.
  const folder = mkdtempSync(join(tmpdir(), 'ninefold-test-'));
  const file = join(folder, 'results.json');
  const reports = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const coverage = ['--coverage', '--coverage.reporter=text-summary', `--coverage.reportsDirectory=${folder}/coverage`];
  try {
    // The thresholds of coverage hold only for a full run.
    const given = ['run', ...reports, ...(args.length === 0 ? coverage : args)];
    // Temporary folders are made in this one, so that those of an interrupted run are removed with it.
    const { code } = await run('vitest', given, { env: { ...env, TMPDIR: folder } });
    const { numPassedTests, numFailedTests, testResults } = existsSync(file)
      ? JSON.parse(readFileSync(file, 'utf8'))
      : { numPassedTests: 0, numFailedTests: 0, testResults: [] };
    const failed = numFailedTests + testResults.filter(failedWithoutTest).length;
    // A global set-up, an unhandled error or a coverage threshold can fail a run in which no test failed.
    return { passed: numPassedTests, failed: code !== 0 && failed === 0 ? 1 : failed };
  } finally {
    // Servers of an interrupted run may be removing their own folders.
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** @param {{ readonly status: string, readonly assertionResults: readonly { readonly status: string }[] }} file */
function failedWithoutTest({ status, assertionResults }) {
  return status === 'failed' && !assertionResults.some((test) => test.status === 'failed');
}
