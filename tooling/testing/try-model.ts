import { checkModel, type SuiteOptions } from '@ninefold/core/conformance';
import fc from 'fast-check';
import { it } from 'vitest';

const { NINEFOLD_RUNS = '100', NINEFOLD_SEED } = process.env;

/** Defines the test that compares random sequences of calls with a `Map`. */
export function tryModel(name: string, options: SuiteOptions): void {
  it(`${name} answers any sequence of calls as a Map would`, () =>
    checkModel({
      ...options,
      fc,
      runs: Number(NINEFOLD_RUNS),
      seed: NINEFOLD_SEED === undefined ? undefined : Number(NINEFOLD_SEED),
    }));
}
