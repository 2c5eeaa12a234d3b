import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';

/** Does its work `times` times over; the loop is its own, so that a promise costs only those who make one. */
export type Work = (times: number) => void | Promise<void>;

export interface Contest {
  readonly name: string;
  /** What the others are measured against. */
  readonly baseline: Work;
  readonly ours: Work;
  /** The time of ours at the most, as a multiple of the baseline's. */
  readonly atMost?: number;
}

interface Result {
  readonly name: string;
  /** Of ours to the baseline's time, by paired rounds: the median and its 95 % interval. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  /** Microseconds for one, medians. */
  readonly baselineUs: number;
  readonly oursUs: number;
  readonly atMost: number | undefined;
  readonly met: boolean | undefined;
  readonly rounds: number;
}

/** Milliseconds that one measurement takes, so that the clock and the collector weigh little. */
const SAMPLE_MS = 20;
const ROUNDS = 31;
const QUICK_ROUNDS = 7;

/**
 * Runs contests one after another and prints a table. A round measures both, in turns first and second; the ratio is taken
 * within the round, so that what else the machine does weighs on both. A missed target is reported and not repeated.
 */
export async function bench(title: string, contests: readonly Contest[]): Promise<void> {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean', default: false }, json: { type: 'string' } },
    strict: false,
  });
  const rounds = values.quick === true ? QUICK_ROUNDS : ROUNDS;
  console.log(`${title}: Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}, ${rounds} rounds\n`);
  console.log('contest                                     baseline       ours   ratio   95 % interval   target');
  const results: Result[] = [];
  for (const contest of contests) {
    const result = await run(contest, rounds);
    results.push(result);
    console.log(line(result));
  }
  if (typeof values.json === 'string') writeFileSync(values.json, `${JSON.stringify({ title, results }, null, 2)}\n`);
}

async function run({ name, baseline, ours, atMost }: Contest, rounds: number): Promise<Result> {
  const baselineTimes = await calibrate(baseline);
  const oursTimes = await calibrate(ours);
  const samples: { readonly baseline: number; readonly ours: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) {
      const first = await measure(baseline, baselineTimes);
      samples.push({ baseline: first, ours: await measure(ours, oursTimes) });
    } else {
      const first = await measure(ours, oursTimes);
      samples.push({ baseline: await measure(baseline, baselineTimes), ours: first });
    }
  }
  const ratios = samples.map((sample) => sample.ours / sample.baseline).sort(ascending);
  const ratio = median(ratios);
  return {
    name,
    ratio,
    ...interval(ratios),
    baselineUs: median(samples.map((sample) => sample.baseline).sort(ascending)) * 1000,
    oursUs: median(samples.map((sample) => sample.ours).sort(ascending)) * 1000,
    atMost,
    met: atMost === undefined ? undefined : ratio <= atMost,
    rounds,
  };
}

/** Warms up, and finds how many times fill a sample. */
async function calibrate(work: Work): Promise<number> {
  let times = 1;
  for (;;) {
    const elapsed = (await measure(work, times)) * times;
    if (elapsed >= SAMPLE_MS) return Math.max(1, Math.round((times * SAMPLE_MS) / elapsed));
    times = Math.ceil(times * (elapsed > SAMPLE_MS / 10 ? SAMPLE_MS / elapsed : 10));
  }
}

/** Milliseconds for one. */
async function measure(work: Work, times: number): Promise<number> {
  const start = performance.now();
  await work(times);
  return (performance.now() - start) / times;
}

function ascending(a: number, b: number): number {
  return a - b;
}

function median(sorted: readonly number[]): number {
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}

/** The 95 % interval of a median by order statistics: ranks n/2 ± 1.96 √n/2 (Conover, Practical Nonparametric Statistics). */
function interval(sorted: readonly number[]): { readonly low: number; readonly high: number } {
  const half = sorted.length / 2;
  const reach = (1.96 * Math.sqrt(sorted.length)) / 2;
  const low = sorted[Math.max(0, Math.floor(half - reach))] ?? 0;
  const high = sorted[Math.min(sorted.length - 1, Math.ceil(half + reach) - 1)] ?? 0;
  return { low, high };
}

function line({ name, ratio, low, high, baselineUs, oursUs, atMost, met }: Result): string {
  const target = atMost === undefined ? '' : `≤ ${atMost.toFixed(2)} ${met ? 'met' : 'MISSED'}`;
  const columns = [
    name.padEnd(40),
    `${baselineUs.toFixed(2)} µs`.padStart(12),
    `${oursUs.toFixed(2)} µs`.padStart(10),
    ratio.toFixed(2).padStart(7),
    `${low.toFixed(2)} – ${high.toFixed(2)}`.padStart(15),
    `  ${target}`,
  ];
  return columns.join(' ').trimEnd();
}
