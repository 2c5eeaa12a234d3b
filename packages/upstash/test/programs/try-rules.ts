import { RuleBroken, rulesFor, runRule } from '@ninefold/core/conformance';
import { upstashBackend, upstashCapabilities } from '../../src/upstash.ts';

export interface Tried {
  readonly tried: number;
  /** The message of each rule that was broken. */
  readonly broken: readonly string[];
}

/** Tries every rule without a runner; those that wait, side by side. */
export async function tryRules(service: { readonly url: string; readonly token: string }): Promise<Tried> {
  const options = {
    create: (given: object) => upstashBackend({ ...service, timeoutMs: 20_000, ...given }),
    capabilities: upstashCapabilities,
  };
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
