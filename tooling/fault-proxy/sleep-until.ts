import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds by which a timer may fire early or late, because timers count whole milliseconds. */
const COARSE_MS = 2;

/**
 * Resolves when `performance.now()` reaches `due`. If it has already, no turn of the event loop passes, so that bytes that
 * arrived together are passed on together.
 */
export async function sleepUntil(due: number): Promise<void> {
  for (let left = due - performance.now(); left > 0; left = due - performance.now()) {
    if (left > COARSE_MS) await sleep(left - COARSE_MS);
    else await new Promise((resolve) => setImmediate(resolve));
  }
}
