import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds by which a timer may fire late or early: it counts in whole ones. */
const COARSE_MS = 2;

/**
 * Resolves when the clock of `performance.now()` shows `due`, and without a turn of the event loop where it does already:
 * what arrived together is handed on together.
 */
export async function sleepUntil(due: number): Promise<void> {
  for (let left = due - performance.now(); left > 0; left = due - performance.now()) {
    if (left > COARSE_MS) await sleep(left - COARSE_MS);
    else await new Promise((resolve) => setImmediate(resolve));
  }
}
