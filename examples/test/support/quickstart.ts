import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
/** Milliseconds until a program that hangs is killed. */
const TIMEOUT_MS = 100_000;

export interface Outcome {
  readonly code: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program of `npm start -- …args`, without the set-up. */
export function quickstart(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const program = ['--conditions=@ninefold/source', '--import', 'tsx', 'examples/quickstart.ts', ...args];
  return new Promise((resolve) => {
    const options = { cwd: root, env: { ...process.env, ...env }, timeout: TIMEOUT_MS };
    execFile(process.execPath, program, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, stdout, stderr });
    });
  });
}
