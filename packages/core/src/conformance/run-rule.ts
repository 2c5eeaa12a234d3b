import type { CacheBackend } from '../backend.ts';
import { type CacheError, type CacheErrorCode, isCacheError } from '../errors.ts';
import { equal } from './equal.ts';
import { missingFrom } from './failure.ts';
import type { CreateOptions, Rule, SuiteOptions, Trial } from './rule.ts';
import { show, showDifference, showFailure, Transcript } from './transcript.ts';
import { within } from './within.ts';

/** The error for a broken rule. The message says what was called and what was expected. */
export class RuleBroken extends Error {
  readonly id: string;

  constructor(id: string, message: string) {
    super(message);
    this.id = id;
    // The frames would be those of the suite, not of the backend.
    this.stack = message;
  }

  override get name(): string {
    return 'RuleBroken';
  }
}

class Unexpected extends Error {}

/** The timeout of a rule. That of a runner is longer, so that a hanging rule ends here, and its calls are reported. */
export const RULE_TIMEOUT_MS = 25_000;
/** Milliseconds for the backends of a rule to close. The contract says 1,000; a busy machine may need more. */
const CLOSE_MS = 2000;
/** Milliseconds. A server that takes longer to answer may have stalled. */
const STALL_MS = 20;

/** Runs one rule; rejects with `RuleBroken` if the backend breaks it. */
export async function runRule(rule: Rule, options: SuiteOptions, name = 'the backend'): Promise<void> {
  const { ruleTimeoutMs = RULE_TIMEOUT_MS } = options;
  const transcript = new Transcript();
  const opened: CacheBackend[] = [];
  const close = async (): Promise<void> => {
    const closed = Promise.allSettled(opened.map(async (backend) => await backend.close()));
    await within(closed, CLOSE_MS, new Unexpected(`expected its backends to close within ${CLOSE_MS / 1000} s`));
  };
  try {
    const late = new Unexpected(`expected it to end within ${ruleTimeoutMs / 1000} s`);
    await within(createTrial(options, transcript, opened).then(rule.run), ruleTimeoutMs, late);
    await close();
  } catch (error) {
    const what = error instanceof Unexpected ? error.message : `expected it to work, got ${showFailure(error)}`;
    const why = rule.why === undefined ? '' : ` ${rule.why}`;
    const broken = new RuleBroken(
      rule.id,
      `${name} breaks ${rule.id}: ${rule.text}\n    ${transcript}\n  ${what}.${why}`,
    );
    // The first failure is reported, not one of closing.
    await close().catch(() => undefined);
    throw broken;
  }
}

/** Returns an object of functions, not a class instance, so that rules can destructure it. */
async function createTrial(options: SuiteOptions, transcript: Transcript, opened: CacheBackend[]): Promise<Trial> {
  const { capabilities, clock } = options;
  // The suite never flushes a server. Each trial has keys of its own, also on a shared server.
  const namespace = `suite-${crypto.randomUUID()}`;

  async function open(given: CreateOptions = {}): Promise<CacheBackend> {
    // Options with a namespace are passed on unchanged, so that a factory that modifies them is detected.
    const passed = 'namespace' in given ? given : { namespace, ...given };
    let backend: CacheBackend;
    try {
      backend = await options.create(passed);
    } catch (error) {
      transcript.add(`create(${show(passed)}) → throws ${show(error)}`);
      throw error;
    }
    opened.push(backend);
    return transcript.record(backend, NAMES[opened.length] ?? `${opened.length}th.`, given.errorKeys === 'hidden');
  }

  async function wait(seconds: number): Promise<void> {
    transcript.add(`… ${Number(seconds.toFixed(3))} s pass …`);
    if (clock === undefined) await sleep(seconds * 1000);
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
      // The last term allows for a server's clock that ticks, and for a busy machine.
      await wait(ttl + capabilities.ttlGranularity + (clock === undefined ? 0.25 : 0));
      if (clock !== undefined) return;
      // After a stall a server may answer waiting requests before it updates its clock.
      const asked = performance.now();
      await opened[0]?.exists('unused');
      if (performance.now() - asked > STALL_MS) await wait(0.25);
    },
    equal(actual, expected): void {
      if (!equal(actual, expected)) throw new Unexpected(showDifference(actual, expected));
    },
    holds(condition, claim): void {
      if (!condition) throw new Unexpected(`expected ${claim}`);
    },
    async rejects(call, code): Promise<CacheError> {
      const recorded = transcript.callOf(call);
      const error = await failureOf(call, code);
      const missing = recorded && missingFrom(error, recorded);
      if (missing !== undefined) throw new Unexpected(`expected ${missing}`);
      return error;
    },
  };
}

/** Not one timer, because it may fire early, in workerd by as long as the process had stalled. */
async function sleep(milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds;
  for (let left = milliseconds; left > 0; left = end - performance.now()) {
    await new Promise((resolve) => setTimeout(resolve, left));
  }
}

/** Names that tell the backends of a trial apart in the calls of a failure. */
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
