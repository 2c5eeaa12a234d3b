import type { Clock } from '../../src/cache.ts';

interface Waiting {
  readonly until: number;
  readonly wake: () => void;
}

/** A clock that a test advances. */
export class ManualClock implements Clock {
  #time = 0;
  #waiting: Waiting[] = [];

  readonly now = (): number => this.#time;

  wait(milliseconds: number): Promise<void> {
    return new Promise((wake) => this.#waiting.push({ until: this.#time + milliseconds, wake }));
  }

  /** Advances the time, and ends each wait at its moment. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#time + milliseconds;
    for (;;) {
      await settled();
      const next = this.#waiting.filter(({ until }) => until <= end).sort((a, b) => a.until - b.until)[0];
      if (next === undefined) break;
      this.#time = next.until;
      this.#waiting = this.#waiting.filter((one) => one !== next);
      next.wake();
    }
    this.#time = end;
    await settled();
  }
}

/** Resolves once everything that needs no time has settled: a backend in memory needs only microtasks. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
