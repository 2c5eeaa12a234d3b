import { styleText } from 'node:util';
import type { CacheEvent, CacheListener, Operation } from '@ninefold/core';

interface Totals {
  readonly calls: number;
  readonly keys: number;
  readonly hits: number | undefined;
  readonly durationMs: number;
}

const NOTHING: Totals = { calls: 0, keys: 0, hits: undefined, durationMs: 0 };
const TITLES = 'operation       calls  keys  hits  misses       time  what it did';

/** What the operations of a backend did, as a table of at most 80 columns. */
export class Report {
  readonly #totals = new Map<Operation, Totals>();
  readonly #words = new Map<Operation, string>();

  /** For `observed`. */
  readonly listener: CacheListener = ({ operation, ...event }) => {
    this.#totals.set(operation, sum(this.#totals.get(operation) ?? NOTHING, event));
  };

  /** What an operation was for, in at most 26 characters; the table has the order in which they were explained. */
  explain(operation: Operation, words: string): void {
    this.#words.set(operation, words);
  }

  print(title: string, conclusion: string): void {
    console.log(`${title}\n\n${styled('bold', TITLES)}`);
    for (const [operation, words] of this.#words) {
      console.log(line(operation, this.#totals.get(operation) ?? NOTHING, words));
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

function line(operation: Operation, { calls, keys, hits, durationMs }: Totals, words: string): string {
  const columns = [
    operation.padEnd(14),
    `${calls}`.padStart(6),
    `${keys}`.padStart(5),
    `${hits ?? '·'}`.padStart(5),
    `${hits === undefined ? '·' : keys - hits}`.padStart(7),
    `${durationMs.toFixed(1)} ms`.padStart(10),
    ` ${words}`,
  ];
  return columns.join(' ');
}

function styled(style: 'bold' | 'green', text: string): string {
  return process.stdout.isTTY === true && !process.env.NO_COLOR ? styleText(style, text) : text;
}
