import { isCharted } from './charts.ts';
import type { ContestResult, Estimate, SectionResult, Standing, SubjectResult } from './results.ts';
import { type Place, placesOf, rivalOf, type Target, targetsOf } from './verdicts.ts';

/** What a peer gives up, as the tables have it. */
const MARKS: Readonly<Record<string, string>> = {
  copies: 'c',
  'Dates and Maps': 'd',
  TTL: 't',
  'a batch call': 'b',
  'one load for all': 'l',
};
const UNEXPLAINED = 'no reason is known';

/** The page, made of the figures and of nothing else. */
export function pageOf(subjects: readonly SubjectResult[]): string {
  const parts = [
    '# Benchmarks',
    'Written by `npm run bench` from [benchmarks.json](benchmarks.json): every figure below was measured by that command. `npm run bench -- redis` measures one subject, `--quick` shows in a minute or two that all works.',
    ...runs(subjects),
    '## In short',
    ...targets(targetsOf(subjects)),
    ...places(placesOf(subjects)),
    '## How to read it',
    'All who do a workload do it in one process against one server, in rounds that begin with another one each. Before the first, each has done its operations for a second: code is slow until it has run some thousand times. A figure is the median of the rounds, with its 95 % interval in brackets. Each read is looked at, and the run ends at the first wrong one. `ours ÷ it` is the ratio of times within a round: below 1 we are faster. Raw clients are what a cache can cost at least, and no peers. What a peer gives up is tried before the run, and marked:',
    [
      '- `c` copies: a reader or the writer changes what others read',
      '- `d` Dates and Maps: they come back as something else (it does the same work where there are none)',
      '- `t` TTL: entries stay',
      '- `b` a batch call: it has none that works, or asks for each key inside it',
      '- `l` one load for all: callers who come while a value is loaded load it too',
    ].join('\n'),
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
  return [`Machine: ${[...machines].join('; ')}.`, table(head, rows)];
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
    `**Targets: ${all.length - missed.length} of ${all.length} are met.**`,
    ...(missed.length === 0 ? [] : [table(['missed', 'at most', 'measured', 'over by', 'why'], rows)]),
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
    `**Peers at the same work: of ${all.length} workloads we are first in ${count('first')}, within 10 % of the first in ${count('near')}, behind in ${behind.length}.**`,
    ...(behind.length === 0 ? [] : [table(['behind', 'first', 'ours ÷ it', 'our other backend ÷ it', 'why'], rows)]),
  ];
}

function sectionOf(section: SectionResult): string[] {
  const { title, notes = [], contests = [], table: counted } = section;
  return [
    `### ${title}`,
    ...notes,
    ...(isCharted(section) ? [`![${title}](${chartFileOf(section)})`] : []),
    ...(contests.length === 0 ? [] : [contests.every(isDuel) ? duelTable(contests) : fieldTable(contests)]),
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

function isDuel({ standings }: ContestResult): boolean {
  return standings.length === 2 && standings[1]?.role === 'raw';
}

/** Ours and one other. */
function duelTable(contests: readonly ContestResult[]): string {
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
  return table(['workload', 'baseline, µs', 'ours, µs', 'ours ÷ it', 'target'], rows);
}

function fieldTable(contests: readonly ContestResult[]): string {
  const names = [...new Set(contests.flatMap(({ standings }) => standings.map(({ name }) => name)))];
  const rows = contests.map((contest) => {
    const rival = rivalOf(contest);
    const cells = names.map((name) => {
      const standing = contest.standings.find((each) => each.name === name);
      return standing === undefined ? '' : timeOf(standing);
    });
    return [contest.name, ...cells, rival === undefined ? '' : `${withInterval(rival.ratio)} ${rival.name}`];
  });
  return table(['µs', ...names, 'ours ÷ the first at the same work'], rows);
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

/** Three digits that mean something. */
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
