import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Happening } from '@ninefold/core/conformance';

/** How each process creates its backend. */
export interface ProcessBackend {
  /** The URL of the file of a module. */
  readonly module: string;
  /** The name of the module's export that creates a backend. */
  readonly factory: string;
  /** The options for the factory; must survive JSON. */
  readonly options: object;
}

export interface Task extends ProcessBackend {
  readonly plan: 'count' | 'mix';
  readonly times: number;
  readonly seed: number;
}

const worker = join(import.meta.dirname, 'worker.ts');
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Runs a plan in several processes at once. Resolves to the outcome of each. */
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

/** Increments one counter `times` times in each process. Resolves to all results, sorted: 1, 2, 3 … if each counted once. */
export async function countersOf(backend: ProcessBackend, processes: number, times: number): Promise<number[]> {
  const results = (await run(backend, 'count', processes, times)) as number[][];
  return results.flat().sort((a, b) => a - b);
}

/** The history of three keys on which the processes run all single-key operations, for `notLinearizable`. */
export async function historyOf(backend: ProcessBackend, processes: number, times: number): Promise<Happening[]> {
  return ((await run(backend, 'mix', processes, times)) as Happening[][]).flat();
}
