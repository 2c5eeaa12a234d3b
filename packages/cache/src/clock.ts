/** The cache's source of time. Pass another to make tests deterministic. */
export interface Clock {
  /** Monotonic milliseconds from any origin. */
  now(): number;
  wait(milliseconds: number): Promise<void>;
}

const FIRST_DELAY_MS = 10;
const MAX_DELAY_MS = 200;

/** Waits before another attempt, by exponential backoff with jitter. `attempt` counts from 0. */
export async function backoff(clock: Clock, random: () => number, attempt: number): Promise<void> {
  const milliseconds = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  await clock.wait(milliseconds * (0.5 + random() / 2));
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};
