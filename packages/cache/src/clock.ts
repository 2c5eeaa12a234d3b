/** What the cache knows of time; hand in another to make tests deterministic. */
export interface Clock {
  /** Milliseconds from any origin, never going back. */
  now(): number;
  wait(milliseconds: number): Promise<void>;
}

const FIRST_DELAY_MS = 10;
const MAX_DELAY_MS = 200;

/** Waits before what is looked at in vain is looked at again: the longer, the more often it was, and spread by chance. */
export async function backoff(clock: Clock, random: () => number, attempt: number): Promise<void> {
  const milliseconds = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  await clock.wait(milliseconds * (0.5 + random() / 2));
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};
