import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** An expected failure. Its message says what went wrong and what to do, so no stack is printed. */
export class Failure extends Error {
  exitCode = 1;
}

/** @type {Set<import('node:child_process').ChildProcess>} */
const children = new Set();
/** @type {NodeJS.Signals | undefined} */
let interruption;

// Ctrl-C reaches the whole process group, but a supervisor's signal only this process: pass it on, and exit after the children.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => {
    if (interruption === undefined) for (const child of children) child.kill();
    interruption ??= signal;
  });
}

/** Throws a `Failure` if a signal has asked this process to stop. */
export function checkInterruption() {
  if (interruption === undefined) return;
  throw Object.assign(new Failure(`stopped by ${interruption}`), { exitCode: 128 + constants.signals[interruption] });
}

/**
 * Runs a program in the root folder without standard input. Resolves to its exit code and, with `quiet`, its output.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ readonly quiet?: boolean, readonly env?: NodeJS.ProcessEnv | undefined }} [options] `env` is added to the environment
 * @returns {Promise<{ readonly code: number, readonly output: string }>}
 */
export async function run(command, args, { quiet = false, env } = {}) {
  checkInterruption();
  const sink = quiet ? 'pipe' : 'inherit';
  const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', sink, sink] });
  children.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const code = await new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new Failure(`${command} cannot be run: ${error.message}`)));
    child.on('close', (exitCode) => resolve(exitCode ?? 1));
  });
  children.delete(child);
  checkInterruption();
  return { code, output };
}

/**
 * Runs a program and prints one line: whether it succeeded, and how long it took. Prints its output only if it failed.
 * @param {string} title
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<boolean>} whether it succeeded
 */
export async function step(title, command, args) {
  const start = performance.now();
  // Only on a terminal, where the outcome overwrites this line. The first time, a step may take a minute.
  if (process.stdout.isTTY) process.stdout.write(`… ${title}\r`);
  const { code, output } = await run(command, args, { quiet: true });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  if (code === 0) console.log(`✓ ${title} (${seconds} s)`);
  else console.log(`${output.trimEnd()}\n✗ ${title} (${seconds} s): ${command} ${args.join(' ')}`);
  return code === 0;
}
