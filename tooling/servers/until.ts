import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds for several servers to agree, even on a busy machine. */
const LIMIT_MS = 30_000;
const STEP_MS = 25;

/** Resolves when `holds` resolves to true. Rejects after `limitMs` with an error that names `what` it waited for. */
export async function until(what: string, holds: () => Promise<boolean>, limitMs: number = LIMIT_MS): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`it took more than ${limitMs} ms until ${what}`);
    await sleep(STEP_MS);
  }
}
