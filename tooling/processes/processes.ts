import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Happening } from '@ninefold/core/conformance';

/** The backend that each process makes for itself. */
export interface ProcessBackend {
  /** A module by the URL of its file. */
  readonly module: string;
  /** What it exports that makes a backend. */
  readonly factory: string;
  /** Its options, as JSON. */
  readonly options: object;
}

export interface Task extends ProcessBackend {
  readonly plan: 'count' | 'mix';
  readonly times: number;
  readonly seed: number;
}

const worker = join(import.meta.dirname, 'worker.ts');
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Runs a plan in several processes at once; what each of them brought back. */
async function run(backend: ProcessBackend, plan: Task['plan'], processes: number, times: number): Promise<unknown[]> {
  const outcomes = Array.from({ length: processes }, async (_, seed) => {
    const task: Task = { ...backend, plan, times, seed };
    const args = ['--conditions=@ninefold/source', '--import', 'tsx', worker, JSON.stringify(task)];
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      cwd: import.meta.dirname,
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    return JSON.parse(stdout) as unknown;
  });
  return await Promise.all(outcomes);
}

/** The result of every increment of one counter, `times` of each process; right if they are 1, 2, 3 … each once. */
export async function countersOf(backend: ProcessBackend, processes: number, times: number): Promise<number[]> {
  const results = (await run(backend, 'count', processes, times)) as number[][];
  return results.flat().sort((a, b) => a - b);
}

/** What happened to three keys on which the processes do all there is, for `notLinearizable`. */
export async function historyOf(backend: ProcessBackend, processes: number, times: number): Promise<Happening[]> {
  return ((await run(backend, 'mix', processes, times)) as Happening[][]).flat();
}
