import type { CacheBackend } from '../backend.ts';
import { type CacheError, type CacheErrorCode, isCacheError } from '../errors.ts';
import { equal } from './equal.ts';
import { missingFrom } from './failure.ts';
import type { CreateOptions, Rule, SuiteOptions, Trial } from './rule.ts';
import { Story, show, showDifference, showFailure } from './story.ts';
import { within } from './within.ts';

/** A broken rule; the message is its story. */
export class RuleBroken extends Error {
  readonly id: string;

  constructor(id: string, message: string) {
    super(message);
    this.id = id;
    // The frames are the suite's own and tell nothing of the backend.
    this.stack = message;
  }

  override get name(): string {
    return 'RuleBroken';
  }
}

class Unexpected extends Error {}

let trials = 0;
const session = Math.trunc(performance.timeOrigin % 1e9).toString(36);

/** Milliseconds for a rule; runners are given some more, so that what hangs ends here, with its story. */
export const RULE_TIMEOUT_MS = 25_000;
/** Milliseconds for the backends of a rule to close in; the contract says 1,000, a busy machine may take longer. */
const CLOSE_MS = 2000;

/** Tries one rule; rejects with `RuleBroken` if the backend breaks it. */
export async function runRule(rule: Rule, options: SuiteOptions, name = 'the backend'): Promise<void> {
  const { ruleTimeoutMs = RULE_TIMEOUT_MS } = options;
  const story = new Story();
  const opened: CacheBackend[] = [];
  const close = async (): Promise<void> => {
    const closed = Promise.allSettled(opened.map(async (backend) => await backend.close()));
    await within(closed, CLOSE_MS, new Unexpected(`expected its backends to close within ${CLOSE_MS / 1000} s`));
  };
  try {
    const late = new Unexpected(`expected it to end within ${ruleTimeoutMs / 1000} s`);
    await within(createTrial(options, story, opened).then(rule.run), ruleTimeoutMs, late);
    await close();
  } catch (error) {
    const what = error instanceof Unexpected ? error.message : `expected it to work, got ${showFailure(error)}`;
    const why = rule.why === undefined ? '' : ` ${rule.why}`;
    const broken = new RuleBroken(rule.id, `${name} breaks ${rule.id}: ${rule.text}\n    ${story}\n  ${what}.${why}`);
    // The first failure is the one to tell.
    await close().catch(() => undefined);
    throw broken;
  }
}

/** Functions and no class, so that a rule may take out of a trial what it needs. */
async function createTrial(options: SuiteOptions, story: Story, opened: CacheBackend[]): Promise<Trial> {
  const { capabilities, clock } = options;
  trials += 1;
  // Nothing is ever flushed: each trial has keys of its own, also on a server that others use.
  const namespace = `suite-${session}-${Math.random().toString(36).slice(2, 8)}-${trials}`;

  async function open(given: CreateOptions = {}): Promise<CacheBackend> {
    // Options with a namespace are handed on as they are, so that a factory which writes into them is seen.
    const backend = await options.create('namespace' in given ? given : { namespace, ...given });
    opened.push(backend);
    return story.tell(backend, NAMES[opened.length] ?? `${opened.length}th.`, given.errorKeys === 'hidden');
  }

  async function wait(seconds: number): Promise<void> {
    story.add(`… ${Number(seconds.toFixed(3))} s pass …`);
    if (clock === undefined) await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    else clock.advance(seconds * 1000);
  }

  return {
    cache: await open(),
    capabilities,
    namespace,
    open,
    wait,
    instant: clock !== undefined,
    async outlive(ttl): Promise<void> {
      // The last part is for a server's clock that ticks, and for a busy machine.
      await wait(ttl + capabilities.ttlGranularity + (clock === undefined ? 0.25 : 0));
      // A server that stood still answers what it was asked meanwhile before it looks at its clock.
      if (clock === undefined) await opened[0]?.exists('unused');
    },
    equal(actual, expected): void {
      if (!equal(actual, expected)) throw new Unexpected(showDifference(actual, expected));
    },
    holds(condition, claim): void {
      if (!condition) throw new Unexpected(`expected ${claim}`);
    },
    async rejects(call, code): Promise<CacheError> {
      const called = story.callOf(call);
      const error = await failureOf(call, code);
      const missing = called && missingFrom(error, called);
      if (missing !== undefined) throw new Unexpected(`expected ${missing}`);
      return error;
    },
  };
}

/** How a story tells the backends of a trial apart. */
const NAMES = ['', '', 'second.', 'third.'];

async function failureOf(call: Promise<unknown>, code: CacheErrorCode): Promise<CacheError> {
  let value: unknown;
  try {
    value = await call;
  } catch (error) {
    if (isCacheError(error) && error.code === code) return error;
    throw new Unexpected(`expected the call to reject ${code}, it rejected ${showFailure(error)}`);
  }
  throw new Unexpected(`expected the call to reject ${code}, it resolved ${show(value)}`);
}
