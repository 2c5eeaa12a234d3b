import { notesOn } from '../notes.ts';
import { isCharted } from './charts.ts';
import type { ContestResult, Estimate, SectionResult, Standing, SubjectResult } from './results.ts';
import { type Place, placesOf, rivalOf, type Target, targetsOf } from './verdicts.ts';

/** The mark in the tables for each thing that a peer lacks. */
const MARKS: Readonly<Record<string, string>> = {
  copies: 'c',
  'Dates and Maps': 'd',
  TTL: 't',
  'a batch call': 'b',
  'one load for all': 'l',
};
const UNEXPLAINED = 'No known reason.';

/** The Markdown of docs/benchmarks.md. Every figure in it comes from `subjects`. */
export function pageOf(subjects: readonly SubjectResult[]): string {
  const parts = [
    '# Benchmarks',
    '`npm run bench` measures every figure below, stores it in [benchmarks.json](benchmarks.json) and draws this page from that file. `npm run bench -- redis` measures one subject. `npm run bench -- --quick` takes a minute or two, checks that every benchmark runs, and writes nothing.',
    '## In short',
    ...targets(targetsOf(subjects)),
    ...places(placesOf(subjects)),
    '## How to read it',
    [
      '- **Rounds.** All caches in a workload run in one process against one server, in interleaved rounds. Each pair of rounds starts with a different cache and runs them in both orders.',
      '- **Warm-up.** Each cache first runs its operations for a second, because V8 optimises code only after some thousand calls.',
      '- **Figures.** A figure is the median of the rounds, with its 95 % confidence interval in brackets.',
      '- **Ratios.** `ours ÷ baseline` and `ours ÷ fastest peer` are ratios of times within a round: below 1, Ninefold is faster.',
      '- **Baselines.** In the name of a workload, the baseline is the call or the client after the colon: `getValue : get` compares our `getValue` with its `get`.',
      '- **Checks.** In the comparisons with peers, each value read is spot-checked. The run ends at the first wrong one.',
      '- **Options.** Peers and raw clients keep the defaults of options that decide their speed, such as serializers and pipelining. The column `keyv + JSON` shows Keyv with plain JSON, and `ioredis, pipelining + JSON` what ioredis does with `enableAutoPipelining`; the caches that use them keep their defaults.',
      '- **Raw clients** show what the calls cost without a cache. They do not count as peers. Ninefold is faster than some of them where it sends concurrent calls as one command.',
    ].join('\n'),
    'Marks show what a peer lacks. Tests before the run find that, except for calls per key inside a batch call, which are read from its source. A peer with a mark does not do the same work, except that `d` does not matter where values hold no Date or Map:',
    [
      '- `c` no copies, or not always: callers share an object with the cache or with each other, so one sees what another changes in it',
      '- `d` no Dates and Maps: they come back as something else',
      '- `t` no TTL for an entry: entries do not expire, or all after the same time',
      '- `b` no batch call: it has none, has one that does not work, or makes a single call per key inside it',
      '- `l` no single-flight: concurrent callers of a missing key load it more than once',
    ].join('\n'),
    '## Machine and versions',
    ...runs(subjects),
    ...subjects.flatMap(({ subject, sections }) => [`## ${capitalised(subject)}`, ...sections.flatMap(sectionOf)]),
  ];
  return `${parts.join('\n\n')}\n`;
}

export function chartFileOf({ title }: SectionResult): string {
  return `benchmarks/${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.svg`;
}

function runs(subjects: readonly SubjectResult[]): string[] {
  const machines = new Set(
    subjects.map(({ machine: { processor, processors, memoryGb, system, node } }) => {
      return `${processors} × ${processor}, ${memoryGb} GB, ${system}, Node ${node}`;
    }),
  );
  const rows = subjects.map(({ subject, command, date, seconds, machine, versions }) => [
    subject,
    `\`${command}\``,
    `${date.slice(0, 16).replace('T', ' ')} UTC`,
    `${seconds} s`,
    ...(machines.size > 1 ? [`${machine.processor}, Node ${machine.node}`] : []),
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  ]);
  const head = ['subject', 'command', 'date', 'took', ...(machines.size > 1 ? ['machine'] : []), 'versions'];
  return [`${[...machines].join('; ')}.`, table(head, rows)];
}

function targets(all: readonly Target[]): string[] {
  const missed = all.filter(({ met }) => !met);
  const rows = missed.map(({ id, measured, atMost, reason = UNEXPLAINED }) => [
    id,
    ratioText(atMost),
    ratioText(measured),
    `${Math.round((measured / atMost - 1) * 100)} %`,
    reason,
  ]);
  return [
    `**Targets met: ${all.length - missed.length} of ${all.length}.** A target bounds the ratio of our time to the baseline's, or a size.`,
    ...(missed.length === 0 ? [] : [table(['missed target', 'at most', 'measured', 'over by', 'why'], rows)]),
  ];
}

function places(all: readonly Place[]): string[] {
  const count = (place: Place['place']): number => all.filter((each) => each.place === place).length;
  const behind = all.filter(({ place }) => place === 'behind');
  const rows = behind.map(({ id, contest, rival, reason = UNEXPLAINED }) => {
    const other = contest.standings.find(({ role }, index) => role === 'ours' && index > 0);
    const ratio = other === undefined ? '' : ratioText(other.us.median / rival.us.median);
    return [id, rival.name, withInterval(rival.ratio), ratio, reason];
  });
  return [
    `**Against peers that do the same work, in ${all.length} workloads:** Ninefold is the fastest in ${count('first')}, within 10 % of the fastest in ${count('near')}, and further behind in ${behind.length}.`,
    ...(behind.length === 0
      ? []
      : [table(['behind in', 'fastest peer', 'ours ÷ fastest peer', 'our other backend ÷ fastest peer', 'why'], rows)]),
  ];
}

function sectionOf(section: SectionResult): string[] {
  const { title, contests = [], table: counted } = section;
  return [
    `### ${title}`,
    ...notesOn(title),
    ...(isCharted(section) ? [`![${title}](${chartFileOf(section)})`] : []),
    ...(contests.length === 0 ? [] : [contests.every(hasOnlyBaseline) ? baselineTable(contests) : peerTable(contests)]),
    ...(counted === undefined
      ? []
      : [
          table(
            counted.head,
            counted.rows.map((row) => row.map(String)),
          ),
        ]),
  ];
}

function hasOnlyBaseline({ standings }: ContestResult): boolean {
  return standings.length === 2 && standings[1]?.role === 'raw';
}

/** A table of contests between Ninefold and one baseline. */
function baselineTable(contests: readonly ContestResult[]): string {
  const rows = contests.map(({ name, standings, atMost }) => {
    const [ours, other] = standings;
    const met = other !== undefined && atMost !== undefined && other.ratio.median <= atMost;
    return [
      name,
      other === undefined ? '' : timeOf(other),
      ours === undefined ? '' : timeOf(ours),
      other === undefined ? '' : withInterval(other.ratio),
      atMost === undefined ? '' : `≤ ${ratioText(atMost)} ${met ? 'met' : '**missed**'}`,
    ];
  });
  return table(['workload', 'baseline, µs', 'ours, µs', 'ours ÷ baseline', 'target'], rows);
}

function peerTable(contests: readonly ContestResult[]): string {
  const names = [...new Set(contests.flatMap(({ standings }) => standings.map(({ name }) => name)))];
  const rows = contests.map((contest) => {
    const rival = rivalOf(contest);
    const cells = names.map((name) => {
      const standing = contest.standings.find((each) => each.name === name);
      return standing === undefined ? '' : timeOf(standing);
    });
    return [contest.name, ...cells, rival === undefined ? '' : `${withInterval(rival.ratio)} ${rival.name}`];
  });
  return table(['µs', ...names, 'ours ÷ fastest peer at the same work'], rows);
}

function timeOf({ us, lacks }: Standing): string {
  const marks = lacks.map((lack) => MARKS[lack] ?? lack).join(' ');
  return `${number(us.median)} (${number(us.low)}–${number(us.high)})${marks === '' ? '' : ` \`${marks}\``}`;
}

function withInterval({ median, low, high }: Estimate): string {
  return `${ratioText(median)} (${ratioText(low)}–${ratioText(high)})`;
}

function ratioText(ratio: number): string {
  return ratio.toFixed(2);
}

/** A time in µs with three significant digits, or more from 1,000 on. */
function number(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
