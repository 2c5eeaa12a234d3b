import { RuleBroken, rulesFor, runRule } from '@ninefold/core/conformance';
import { memcachedBackend, memcachedCapabilities } from '../../src/memcached.ts';

// Bundled, and run by each runtime: tries every rule; those that wait, side by side.
const [servers] = process.argv.slice(2);
const options = {
  create: (given: object) => memcachedBackend({ servers, timeoutMs: 10_000, ...given }),
  capabilities: memcachedCapabilities,
};
const broken: string[] = [];

async function attempt(rule: Parameters<typeof runRule>[0]): Promise<void> {
  try {
    await runRule(rule, options);
  } catch (error) {
    broken.push(error instanceof RuleBroken ? error.message : String(error));
  }
}

async function tryRules(): Promise<void> {
  const rules = rulesFor(options);
  const waiting = Promise.all(rules.filter(({ waits }) => waits === true).map(attempt));
  for (const rule of rules.filter(({ waits }) => waits !== true)) await attempt(rule);
  await waiting;
  process.stdout.write(`${JSON.stringify({ tried: rules.length, broken })}\n`);
}

void tryRules();
