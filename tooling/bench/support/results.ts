import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { parseArgs } from 'node:util';

/** A median and its 95 % interval. */
export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export type Role = 'ours' | 'peer' | 'raw';

/** The result of one entrant of a contest. */
export interface Standing {
  readonly name: string;
  readonly role: Role;
  /** The things that ours does and this entrant does not. */
  readonly lacks: readonly string[];
  /** Microseconds per operation. */
  readonly us: Estimate;
  /** Our time divided by its time, within rounds; 1 for ours. */
  readonly ratio: Estimate;
}

export interface ContestResult {
  readonly name: string;
  readonly rounds: number;
  readonly standings: readonly Standing[];
  /** The target: the upper bound of our ratio to the first raw entrant. */
  readonly atMost?: number | undefined;
}

/** Results that are counts or sizes, not times of rounds. */
interface TableResult {
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** A target that is not a ratio of times. */
export interface Goal {
  readonly name: string;
  readonly measured: number;
  readonly atMost: number;
}

export interface SectionResult {
  readonly title: string;
  readonly contests?: readonly ContestResult[];
  readonly table?: TableResult | undefined;
  readonly goals?: readonly Goal[];
}

export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
}

/** What one benchmark program reports to the command. */
export interface FileResult {
  readonly versions: Readonly<Record<string, string>>;
  readonly sections: readonly SectionResult[];
}

/** What the programs of one subject measured in one run. */
export interface SubjectResult extends FileResult {
  readonly subject: string;
  readonly command: string;
  /** When the run ended: ISO 8601, in UTC. */
  readonly date: string;
  readonly seconds: number;
  readonly machine: Machine;
}

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, json: { type: 'string' } },
  strict: false,
});

/** Few rounds, to check that everything runs. Such results are not written. */
export const quick: boolean = values.quick === true;

const sections: SectionResult[] = [];
const versions: Record<string, string> = {};

/** Adds a section to the result of this program. */
export function report(section: SectionResult): void {
  sections.push(section);
  writeResult();
}

/** Adds the versions of packages and servers to the result of this program. */
export function reportVersions(of: Readonly<Record<string, string>>): void {
  Object.assign(versions, of);
  writeResult();
}

function writeResult(): void {
  if (typeof values.json !== 'string') return;
  const result: FileResult = { versions, sections };
  writeFileSync(values.json, JSON.stringify(result));
}

export function readFileResult(file: string): FileResult {
  return JSON.parse(readFileSync(file, 'utf8')) as FileResult;
}

export function thisMachine(): Machine {
  return {
    processor: cpus()[0]?.model ?? 'unknown processor',
    processors: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
  };
}
