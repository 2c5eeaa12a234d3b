import type { Rule, SuiteOptions } from './rule.ts';
import { batches } from './rules/batches.ts';
import { concurrency } from './rules/concurrency.ts';
import { corruption } from './rules/corruption.ts';
import { counters } from './rules/counters.ts';
import { errors } from './rules/errors.ts';
import { keys } from './rules/keys.ts';
import { lifecycle } from './rules/lifecycle.ts';
import { serializers } from './rules/serializers.ts';
import { ttl } from './rules/ttl.ts';
import { types } from './rules/types.ts';
import { values } from './rules/values.ts';
import { RULE_TIMEOUT_MS, runRule } from './run-rule.ts';

export type { Fault, FaultLab, FaultRule } from './faults.ts';
export { type Happening, type Recorder, recorder } from './history.ts';
export { isLinearizable, notLinearizable } from './linearizability.ts';
export { type Arbitrary, type Command, checkModel, type FastCheck, type Model, type ModelOptions } from './model.ts';
export type { CreateOptions, Rule, SuiteOptions, Trial } from './rule.ts';
export { faults } from './rules/faults.ts';
export { runFaultRule } from './run-fault-rule.ts';
export { RuleBroken, runRule } from './run-rule.ts';

/**
 * Every rule of the contract. Without a runner: `for (const rule of rulesFor(options)) await runRule(rule, options)`.
 */
export const rules: readonly Rule[] = [
  ...values,
  ...keys,
  ...ttl,
  ...batches,
  ...counters,
  ...types,
  ...corruption,
  ...serializers,
  ...errors,
  ...lifecycle,
  ...concurrency,
];

/** The rules that apply to a backend with these capabilities. */
export function rulesFor({ capabilities }: Pick<SuiteOptions, 'capabilities'>): readonly Rule[] {
  return rules.filter(({ when }) => when === undefined || when(capabilities));
}

/** The interface that Vitest, Jest, Mocha, `node:test` and Bun have in common. */
export interface Runner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: () => Promise<void>, timeoutMs?: number) => unknown;
}

/** Milliseconds by which the runner's timeout exceeds that of a rule, to leave time to close its backends. */
const RUNNER_GRACE_MS = 5000;

/** Declares a test for every rule that applies to a backend, with the given runner. */
export function describeCacheBackend(name: string, options: SuiteOptions & Runner): void {
  const { describe, it, ruleTimeoutMs = RULE_TIMEOUT_MS } = options;
  const timeoutMs = ruleTimeoutMs + RUNNER_GRACE_MS;
  const concurrent = new Map<Rule, Promise<void>>();

  /** Rules that wait for a server's clock start together. With a clock that the suite controls, each runs alone. */
  async function attempt(rule: Rule): Promise<void> {
    if (rule.waits !== true || options.clock !== undefined) return await runRule(rule, options, name);
    if (concurrent.size === 0) {
      for (const waiting of rulesFor(options).filter(({ waits }) => waits === true)) {
        const attempted = runRule(waiting, options, name);
        // The test of that rule reports the failure.
        attempted.catch(() => undefined);
        concurrent.set(waiting, attempted);
      }
    }
    await concurrent.get(rule);
  }

  describe(name, () => {
    for (const rule of rulesFor(options)) {
      const body = function (this: { timeout?: (ms: number) => void } | undefined): Promise<void> {
        // The only way to set a timeout in Mocha.
        if (typeof this?.timeout === 'function') this.timeout(timeoutMs);
        return attempt(rule);
      };
      it(`${rule.id}: ${rule.text}`, body, timeoutMs);
    }
  });
}
