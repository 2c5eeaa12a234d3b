/** What the cache knows of time; hand in another to make tests deterministic. */
export interface Clock {
  /** Milliseconds from any origin, never going back. */
  now(): number;
  wait(milliseconds: number): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};
