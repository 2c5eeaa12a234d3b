import { type ContestResult, type Estimate, quick, type Role, report, type Standing } from './results.ts';
import { ascending, estimate } from './statistics.ts';

/** Does its work `times` times over; the loop is its own, so that a promise costs only those who make one. */
export type Work = (times: number) => void | Promise<void>;

export interface Entrant {
  readonly name: string;
  readonly role: Role;
  readonly work: Work;
  /** What it does not do that ours does. */
  readonly lacks?: readonly string[];
}

export interface Contest {
  readonly name: string;
  /** What the others are measured against: a raw client, or the least that can be done. */
  readonly baseline?: Work | undefined;
  readonly ours: Work;
  /** The time of ours at the most, as a multiple of the baseline's. */
  readonly atMost?: number | undefined;
  /** Others at the same work. */
  readonly others?: readonly Entrant[];
  /** How much one time holds, where the time of a part is of interest: 64 for 64 calls at once. */
  readonly per?: number;
}

export interface BenchOptions {
  /** Milliseconds that one measurement takes, so that the clock and the collector weigh little; default 20. */
  readonly sampleMs?: number;
  /** Milliseconds that each entrant works before it is measured; default 1000. */
  readonly warmUpMs?: number;
}

const ROUNDS = 31;
const QUICK_ROUNDS = 5;
const SAMPLE_MS = 20;
/** Some 12,000 calls to a server: until then V8 compiles, and the more code an entrant has, the more it is behind. */
const WARM_UP_MS = 1000;

/**
 * Runs contests one after another, prints and reports them. A round measures all entrants, in turns from the first and
 * from the last; ratios are taken within the round, so that what else the machine does weighs on all. A missed target is
 * reported and not repeated.
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

/** Lets all entrants work as long as it takes them to run as fast as they will. */
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

/** From another entrant each round, forwards and backwards in turns. */
function orderOf(round: number, count: number): number[] {
  const order = Array.from({ length: count }, (_, place) => (place + Math.floor(round / 2)) % count);
  return round % 2 === 0 ? order : order.reverse();
}

/** Warms up, and finds how many times fill a sample. */
async function calibrate(work: Work, { sampleMs, warmUpMs }: Durations): Promise<number> {
  const warm = performance.now() + warmUpMs;
  let times = 1;
  for (;;) {
    const elapsed = (await measure(work, times)) * times;
    if (elapsed >= sampleMs && performance.now() >= warm) return Math.max(1, Math.round((times * sampleMs) / elapsed));
    times = Math.ceil(times * (elapsed > sampleMs / 10 ? sampleMs / elapsed : 10));
  }
}

/** Milliseconds for one. */
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
