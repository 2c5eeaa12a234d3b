import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { home, madeOnce } from './made-once.mjs';
import { checkInterruption, Failure, root, step } from './run.mjs';

const pnpm = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager;

/**
 * Installs and builds the workspace, and puts its programs and the pinned pnpm on PATH. Takes about a second if all is up to
 * date.
 */
export async function setUp() {
  // npm passes its own settings to its scripts as environment variables, which the npm and pnpm below must not inherit.
  for (const name of Object.keys(process.env))
    if (/^npm_(config|package|lifecycle)_/.test(name)) delete process.env[name];
  Object.assign(process.env, { TURBO_TELEMETRY_DISABLED: '1' });
  mkdirSync(home, { recursive: true });
  await withLock(async () => {
    await installPnpm();
    await requireStep('dependencies', 'pnpm', ['install', '--frozen-lockfile']);
    await requireStep('build', 'turbo', ['run', 'build', '--output-logs=errors-only']);
  });
}

async function installPnpm() {
  const folder = await madeOnce(pnpm, (draft) =>
    requireStep(pnpm, 'npm', ['install', '--no-audit', '--no-fund', '--prefix', draft, pnpm]),
  );
  const programs = [root, folder].map((place) => join(place, 'node_modules', '.bin'));
  process.env.PATH = [...programs, process.env.PATH].join(delimiter);
}

/** @param {string} title @param {string} command @param {readonly string[]} args */
async function requireStep(title, command, args) {
  if (!(await step(title, command, args))) throw new Failure(`Set-up failed: ${title}.`);
}

/**
 * Does the work while a second run in this checkout waits.
 * @param {() => Promise<void>} work
 */
async function withLock(work) {
  const lock = join(home, 'lock');
  while (!acquire(lock)) {
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
function acquire(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
  }
  try {
    // An empty file reads as 0: its owner has not written its id yet. 0 stands for our own process group, which is alive.
    process.kill(Number(readFileSync(lock, 'utf8')), 0);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ESRCH') rmSync(lock, { force: true });
  }
  return false;
}
