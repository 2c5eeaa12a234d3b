import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { SectionResult, Standing } from './results.ts';
import { doesTheSame } from './verdicts.ts';

const KINDS = ['ninefold', 'same work', 'gives something up', 'raw client'];
const COLOURS = ['#2a6fdb', '#7f8fa6', '#ccd3dd', '#e0a458'];
const MAX_CHARTED = 8;

/** Whether a section gets a chart: some contest has more than two entrants. */
export function isCharted({ contests = [] }: SectionResult): boolean {
  return contests.some(({ standings }) => standings.length > 2);
}

/** A section's times as a bar chart in SVG. The same figures always give the same text. */
export async function chartOf(section: SectionResult): Promise<string> {
  const { spec } = compile(specOf(section));
  return `${await new View(parse(spec), { renderer: 'none' }).toSVG()}\n`;
}

function specOf({ title, contests = [] }: SectionResult): TopLevelSpec {
  const compared = contests.filter(({ standings }) => standings.length > 1);
  const plain = compared.filter(({ name }) => name.includes('10 fields'));
  const charted = (plain.length > 3 ? plain : compared).slice(0, MAX_CHARTED);
  const values = charted.flatMap(({ name, standings }) =>
    standings.map((standing) => ({
      workload: name,
      cache: standing.name,
      kind: kindOf(standing),
      us: standing.us.median,
      low: standing.us.low,
      high: standing.us.high,
    })),
  );
  const y = { field: 'cache', type: 'nominal', sort: null, title: null } as const;
  return {
    title: `${title} (µs, less is better)`,
    background: 'white',
    data: { values },
    facet: { field: 'workload', type: 'nominal', sort: charted.map(({ name }) => name), title: null },
    columns: 2,
    spec: {
      width: 260,
      height: { step: 14 },
      layer: [
        {
          mark: 'bar',
          encoding: {
            y,
            x: { field: 'us', type: 'quantitative', title: null, axis: { tickCount: 4 } },
            color: {
              field: 'kind',
              type: 'nominal',
              title: null,
              scale: { domain: KINDS, range: COLOURS },
              legend: { orient: 'bottom' },
            },
          },
        },
        {
          mark: { type: 'rule', color: '#333' },
          encoding: { y, x: { field: 'low', type: 'quantitative' }, x2: { field: 'high' } },
        },
      ],
    },
    resolve: { scale: { x: 'independent' } },
  };
}

function kindOf(standing: Standing): string {
  if (standing.role === 'ours') return 'ninefold';
  if (standing.role === 'raw') return 'raw client';
  return doesTheSame(standing) ? 'same work' : 'gives something up';
}
