import type { Estimate } from './results.ts';

export function ascending(a: number, b: number): number {
  return a - b;
}

/** The median with its 95 % interval by order statistics: ranks n/2 ± 1.96 √n/2 (Conover, Practical Nonparametric Statistics). */
export function estimate(samples: readonly number[]): Estimate {
  const sorted = [...samples].sort(ascending);
  const at = (rank: number): number => sorted[Math.min(sorted.length - 1, Math.max(0, rank))] as number;
  const middle = (sorted.length - 1) / 2;
  const half = sorted.length / 2;
  const reach = (1.96 * Math.sqrt(sorted.length)) / 2;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    low: at(Math.floor(half - reach)),
    high: at(Math.ceil(half + reach) - 1),
  };
}
