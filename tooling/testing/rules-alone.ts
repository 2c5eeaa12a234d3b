import { RuleBroken, rulesFor, runRule, type SuiteOptions } from '@ninefold/core/conformance';

export interface Tried {
  readonly tried: number;
  /** The message of each rule that was broken. */
  readonly broken: readonly string[];
}

/** Tries every rule without a test runner, for runtimes that have none; those that wait, side by side. */
export async function tryRules(options: SuiteOptions): Promise<Tried> {
  const broken: string[] = [];
  const attempt = async (rule: Parameters<typeof runRule>[0]): Promise<void> => {
    try {
      await runRule(rule, options);
    } catch (error) {
      broken.push(error instanceof RuleBroken ? error.message : String(error));
    }
  };
  const rules = rulesFor(options);
  const waiting = Promise.all(rules.filter(({ waits }) => waits === true).map(attempt));
  for (const rule of rules.filter(({ waits }) => waits !== true)) await attempt(rule);
  await waiting;
  return { tried: rules.length, broken };
}
