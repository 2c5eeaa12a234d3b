import { type ContestResult, type Estimate, quick, type Role, report, type Standing } from './results.ts';
import { ascending, estimate } from './statistics.ts';

/** Repeats an operation `times` times. Has its own loop, so that synchronous operations do not pay for a promise each. */
export type Work = (times: number) => void | Promise<void>;

/** The work of one call after another. */
export function repeat(call: () => unknown): Work {
  return async (times) => {
    for (let time = 0; time < times; time++) await call();
  };
}

export interface Entrant {
  readonly name: string;
  readonly role: Role;
  readonly work: Work;
  /** The things that ours does and this entrant does not. */
  readonly lacks?: readonly string[];
}

export interface Contest {
  readonly name: string;
  /** What ours is measured against: a raw client, or the least possible work. */
  readonly baseline?: Work | undefined;
  readonly ours: Work;
  /** The target: the upper bound of our time divided by the baseline's. */
  readonly atMost?: number | undefined;
  /** Other entrants at the same work. */
  readonly others?: readonly Entrant[];
  /** Divides each time, to get the time of one part: 64 for 64 calls at once. Default 1. */
  readonly per?: number;
}

export interface BenchOptions {
  /** Milliseconds per measurement, long enough that clock and garbage collector matter little; default 20. */
  readonly sampleMs?: number;
  /** Milliseconds that each entrant runs before it is measured; default 1000. */
  readonly warmUpMs?: number;
}

const ROUNDS = 31;
const QUICK_ROUNDS = 5;
const SAMPLE_MS = 20;
/** About 12,000 calls to a server. Until then V8 is still compiling, which slows entrants with more code down more. */
const WARM_UP_MS = 1000;

/**
 * Runs contests one after another, prints and reports them. A round measures all entrants, forwards and backwards in turns.
 * Ratios are taken within a round, so that other load on the machine affects all entrants. A missed target is reported,
 * not measured again.
 */
export async function bench(title: string, contests: readonly Contest[], options: BenchOptions = {}): Promise<void> {
  const { sampleMs = SAMPLE_MS, warmUpMs = WARM_UP_MS } = options;
  console.log(`\n${title}: Node ${process.version}, ${rounds()} rounds`);
  const results: ContestResult[] = [];
  for (const contest of contests) {
    const result = await run(contest, quick ? { sampleMs: sampleMs / 4, warmUpMs: 0 } : { sampleMs, warmUpMs });
    results.push(result);
    for (const line of linesOf(result)) console.log(line);
  }
  report({ title, contests: results });
}

/** Runs all entrants until V8 has optimised their code. */
export async function warmUp(contests: readonly Contest[]): Promise<void> {
  if (quick) return;
  for (const contest of contests)
    for (const { work } of entrantsOf(contest)) await calibrate(work, { sampleMs: SAMPLE_MS, warmUpMs: WARM_UP_MS });
}

function rounds(): number {
  return quick ? QUICK_ROUNDS : ROUNDS;
}

interface Durations {
  readonly sampleMs: number;
  readonly warmUpMs: number;
}

async function run(contest: Contest, durations: Durations): Promise<ContestResult> {
  const { name, atMost, per = 1 } = contest;
  const entrants = entrantsOf(contest);
  const repeats: number[] = [];
  for (const { work } of entrants) repeats.push(await calibrate(work, durations));
  const samples = entrants.map(() => [] as number[]);
  for (let round = 0; round < rounds(); round++) {
    for (const index of orderOf(round, entrants.length)) {
      samples[index]?.push((await measure(entrants[index]?.work as Work, repeats[index] as number)) / per);
    }
  }
  const own = samples[0] as readonly number[];
  const standings = entrants.map(({ name: entrant, role, lacks = [] }, index): Standing => {
    const theirs = samples[index] as readonly number[];
    const ratios = own.map((sample, at) => sample / (theirs[at] as number));
    return { name: entrant, role, lacks, us: estimate(theirs.map((ms) => ms * 1000)), ratio: estimate(ratios) };
  });
  return { name, rounds: rounds(), standings, atMost };
}

function entrantsOf({ baseline, ours, others = [] }: Contest): readonly Entrant[] {
  return [
    { name: 'ninefold', role: 'ours', work: ours },
    ...(baseline === undefined ? [] : [{ name: 'baseline', role: 'raw' as const, work: baseline }]),
    ...others,
  ];
}

/** Starts with another entrant every two rounds, and alternates forwards and backwards. */
function orderOf(round: number, count: number): number[] {
  const order = Array.from({ length: count }, (_, place) => (place + Math.floor(round / 2)) % count);
  return round % 2 === 0 ? order : order.reverse();
}

/** Warms up. Resolves to the number of repetitions that fill a sample. */
async function calibrate(work: Work, { sampleMs, warmUpMs }: Durations): Promise<number> {
  const warm = performance.now() + warmUpMs;
  let times = 1;
  for (;;) {
    const elapsed = (await measure(work, times)) * times;
    if (elapsed >= sampleMs && performance.now() >= warm) return Math.max(1, Math.round((times * sampleMs) / elapsed));
    times = Math.ceil(times * (elapsed > sampleMs / 10 ? sampleMs / elapsed : 10));
  }
}

/** Milliseconds per repetition. */
async function measure(work: Work, times: number): Promise<number> {
  const start = performance.now();
  await work(times);
  return (performance.now() - start) / times;
}

function linesOf({ name, standings, atMost }: ContestResult): string[] {
  const verdict = (ratio: Estimate): string =>
    atMost === undefined ? '' : `  ≤ ${atMost.toFixed(2)} ${ratio.median <= atMost ? 'met' : 'MISSED'}`;
  const firstRaw = standings.find(({ role }) => role === 'raw');
  const rows = [...standings]
    .sort((a, b) => ascending(a.us.median, b.us.median))
    .map((standing) => {
      const { ratio } = standing;
      const ratios =
        standing.role === 'ours'
          ? ''
          : `ours ÷ it ${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)})`;
      const target = standing === firstRaw ? verdict(ratio) : '';
      const lacks = standing.lacks.length === 0 ? '' : `  without ${standing.lacks.join(', ')}`;
      return `    ${standing.name.padEnd(24)} ${`${standing.us.median.toFixed(2)} µs`.padStart(14)}  ${ratios}${target}${lacks}`;
    });
  return [`  ${name}`, ...rows];
}
