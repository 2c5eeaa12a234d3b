import type { Estimate } from './results.ts';

const CONFIDENCE = 0.95;

export function ascending(a: number, b: number): number {
  return a - b;
}

/** The median, between the two samples of the narrowest symmetric ranks that hold the true one with 95 % confidence at least. */
export function estimate(samples: readonly number[]): Estimate {
  const sorted = [...samples].sort(ascending);
  const at = (place: number): number => sorted[place] as number;
  const middle = (sorted.length - 1) / 2;
  const left = placesLeftOut(sorted.length);
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    low: at(left),
    high: at(sorted.length - 1 - left),
  };
}

/** How many samples may lie outside at each end: the number below the true median has a binomial distribution. */
function placesLeftOut(count: number): number {
  let probability = 0.5 ** count;
  let outside = 2 * probability;
  let left = 0;
  while (left + 1 < count / 2) {
    probability *= (count - left) / (left + 1);
    outside += 2 * probability;
    if (outside > 1 - CONFIDENCE) break;
    left += 1;
  }
  return left;
}
