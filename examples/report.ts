import { styleText } from 'node:util';
import type { CacheEvent, CacheListener, Operation } from '@ninefold/core';

interface Totals {
  readonly calls: number;
  readonly keys: number;
  readonly hits: number | undefined;
  readonly durationMs: number;
}

const ZERO: Totals = { calls: 0, keys: 0, hits: undefined, durationMs: 0 };
const TITLES = 'operation       calls  keys  hits  misses       time  what it did';

/** Sums up the calls to a backend and prints them as a table of at most 80 columns. */
export class Report {
  readonly #totals = new Map<Operation, Totals>();
  readonly #explanations = new Map<Operation, string>();

  /** Pass this to `observed`. */
  readonly listener: CacheListener = ({ operation, ...event }) => {
    this.#totals.set(operation, sum(this.#totals.get(operation) ?? ZERO, event));
  };

  /** Says in at most 26 characters what an operation did. The table lists operations in the order of these calls. */
  explain(operation: Operation, explanation: string): void {
    this.#explanations.set(operation, explanation);
  }

  print(title: string, conclusion: string): void {
    console.log(`${title}\n\n${styled('bold', TITLES)}`);
    for (const [operation, explanation] of this.#explanations) {
      console.log(line(operation, this.#totals.get(operation) ?? ZERO, explanation));
    }
    console.log(`\n${styled('green', '✓')} ${conclusion}`);
  }
}

function sum(totals: Totals, { keys, hits, durationMs }: Pick<CacheEvent, 'keys' | 'hits' | 'durationMs'>): Totals {
  return {
    calls: totals.calls + 1,
    keys: totals.keys + keys,
    hits: hits === undefined ? totals.hits : (totals.hits ?? 0) + hits,
    durationMs: totals.durationMs + durationMs,
  };
}

function line(operation: Operation, { calls, keys, hits, durationMs }: Totals, explanation: string): string {
  const columns = [
    operation.padEnd(14),
    `${calls}`.padStart(6),
    `${keys}`.padStart(5),
    `${hits ?? '·'}`.padStart(5),
    `${hits === undefined ? '·' : keys - hits}`.padStart(7),
    `${durationMs.toFixed(1)} ms`.padStart(10),
    ` ${explanation}`,
  ];
  return columns.join(' ');
}

function styled(style: 'bold' | 'green', text: string): string {
  return process.stdout.isTTY === true && !process.env.NO_COLOR ? styleText(style, text) : text;
}
