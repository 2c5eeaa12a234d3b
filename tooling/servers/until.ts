import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds for several servers to agree, on a machine that does other things too. */
const LIMIT_MS = 30_000;
const STEP_MS = 25;

/** Resolves once `holds` does; rejects with what was waited for if it takes too long. */
export async function until(what: string, holds: () => Promise<boolean>, limitMs: number = LIMIT_MS): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`it took more than ${limitMs} ms until ${what}`);
    await sleep(STEP_MS);
  }
}
