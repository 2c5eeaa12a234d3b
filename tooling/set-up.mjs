import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkInterruption, Failure, root, step } from './run.mjs';

const home = join(root, '.tooling');
const pnpm = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager;

/** Leaves the workspace installed and built, with its programs and the pinned pnpm on PATH. Quick when they are already. */
export async function setUp() {
  // npm tells its scripts how npm itself is set; the npm and pnpm below must not take that for themselves.
  for (const name of Object.keys(process.env))
    if (/^npm_(config|package|lifecycle)_/.test(name)) delete process.env[name];
  Object.assign(process.env, { TURBO_TELEMETRY_DISABLED: '1' });
  mkdirSync(home, { recursive: true });
  await alone(async () => {
    await installPnpm();
    await must('dependencies', 'pnpm', ['install', '--frozen-lockfile']);
    await must('build', 'turbo', ['run', 'build', '--output-logs=errors-only']);
  });
}

async function installPnpm() {
  const folder = join(home, pnpm);
  if (!existsSync(folder)) {
    const draft = mkdtempSync(join(home, 'draft-'));
    try {
      await must(pnpm, 'npm', ['install', '--no-audit', '--no-fund', '--prefix', draft, pnpm]);
      renameSync(draft, folder);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
  const programs = [root, folder].map((place) => join(place, 'node_modules', '.bin'));
  process.env.PATH = [...programs, process.env.PATH].join(delimiter);
}

/** @param {string} title @param {string} command @param {readonly string[]} args */
async function must(title, command, args) {
  if (!(await step(title, command, args))) throw new Failure(`Setting up failed: ${title}.`);
}

/**
 * Keeps a second run in this checkout waiting meanwhile.
 * @param {() => Promise<void>} work
 */
async function alone(work) {
  const lock = join(home, 'lock');
  while (!take(lock)) {
    await sleep(100);
    checkInterruption();
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** @param {string} lock a file that holds its owner's process id; the lock of a dead process is removed */
function take(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
  }
  try {
    // 0 is a lock whose owner has not written its id yet; it names our own process group, which is alive.
    process.kill(Number(readFileSync(lock, 'utf8')), 0);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ESRCH') rmSync(lock, { force: true });
  }
  return false;
}
