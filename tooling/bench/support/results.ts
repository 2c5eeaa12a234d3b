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

/** How one of those that did the same work fared. */
export interface Standing {
  readonly name: string;
  readonly role: Role;
  /** What it does not do that ours does. */
  readonly lacks: readonly string[];
  /** Microseconds for one. */
  readonly us: Estimate;
  /** Of our time to its time, by paired rounds; 1 for ours. */
  readonly ratio: Estimate;
}

export interface ContestResult {
  readonly name: string;
  readonly rounds: number;
  readonly standings: readonly Standing[];
  /** The most that the ratio to the first raw one may be. */
  readonly atMost?: number | undefined;
}

/** What was counted or weighed, and not timed by rounds. */
interface TableResult {
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** A target that is no ratio of times. */
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

/** What one file tells the command. */
export interface FileResult {
  readonly versions: Readonly<Record<string, string>>;
  readonly sections: readonly SectionResult[];
}

/** What one subject's files measured in one run. */
export interface SubjectResult extends FileResult {
  readonly subject: string;
  readonly command: string;
  /** Of its end, in UTC. */
  readonly date: string;
  readonly seconds: number;
  readonly machine: Machine;
}

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, json: { type: 'string' } },
  strict: false,
});

/** Fewer rounds, to see that all works: nothing that goes on the page. */
export const quick: boolean = values.quick === true;

const sections: SectionResult[] = [];
const versions: Record<string, string> = {};

/** Adds a section to what this file tells. */
export function report(section: SectionResult): void {
  sections.push(section);
  tell();
}

/** Names what is measured: packages, and servers by their own words. */
export function reportVersions(of: Readonly<Record<string, string>>): void {
  Object.assign(versions, of);
  tell();
}

function tell(): void {
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
