import type { CacheBackend, Operation } from '../backend.ts';
import { type CacheError, type CacheErrorCode, isCacheError } from '../errors.ts';
import { type Called, missingFrom } from './failure.ts';
import type { FaultLab, FaultRule } from './faults.ts';
import { show, showFailure } from './story.ts';
import { within } from './within.ts';

/** Milliseconds: the deadline that the rules give to the backend, long enough for a busy machine. */
export const TIMEOUT_MS = 500;
/** Milliseconds after its deadline in which the contract lets a call settle. */
export const GRACE_MS = 350;
/** Milliseconds after a fault in which a backend works again; the contract says 2,000, a busy machine may take longer. */
const RECOVERY_MS = 4000;
/** Milliseconds between two attempts in that time. */
const PAUSE_MS = 50;
/** How often a rule is tried on a machine that stands still. */
const TRIES = 5;
/** A value, or a key that is to be hidden: no error and no backend shows it. */
export const SECRET = 's3cretText';

export class Broken extends Error {}

/** Broken, unless the machine stood still: another trial tells. */
class PerhapsBroken extends Broken {}

export function holds(condition: boolean, claim: string): void {
  if (!condition) throw new Broken(`expected ${claim}`);
}

/** A call that has been made. */
export interface Made extends Called {
  /** When it was made, on the clock of `performance.now()`. */
  readonly since: number;
  readonly result: Promise<unknown>;
}

export function call(backend: CacheBackend, operation: Operation, ...args: readonly unknown[]): Made {
  const method = backend[operation] as (...args: readonly unknown[]) => Promise<unknown>;
  const since = performance.now();
  return { backend, operation, args, keysHidden: false, since, result: method.apply(backend, [...args]) };
}

/** A backend whose way to the server breaks, and one that sees what the server holds. */
export interface Bench {
  readonly lab: FaultLab;
  readonly backend: CacheBackend;
  readonly direct: CacheBackend;
  /** Milliseconds in which a call of the backend settles. */
  readonly capMs: number;
}

/** What became of a call. */
export type Outcome = { readonly value: unknown; readonly tookMs: number } | { readonly error: CacheError };

/** What a call comes to within its deadline and grace; a failure says all that it has to, and shows nothing. */
export async function settle({ lab, capMs }: Bench, made: Made): Promise<Outcome> {
  const { backend, operation, since, result } = made;
  const outcome = await within(
    result.then(
      (value): Outcome => ({ value, tookMs: performance.now() - since }),
      (error: unknown) => ({ error: error as CacheError }),
    ),
    capMs,
    new Broken(`expected ${operation} to settle within ${capMs} ms`),
  );
  if ('error' in outcome) {
    const { error } = outcome;
    holds(isCacheError(error), `${operation} to reject with a CacheError, got ${show(error)}`);
    const missing = missingFrom(error, made);
    if (missing !== undefined) throw new Broken(`expected ${missing}`);
    showsNothing(lab, error, `what ${operation} rejects with`);
    showsNothing(lab, backend, `what the backend shows of itself when ${operation} has failed`);
  }
  return outcome;
}

/** Fails if a thing shows a secret, by any means. */
function showsNothing(lab: FaultLab, thing: unknown, what: string): void {
  const shown = `${lab.inspect(thing)}${String(thing)}${JSON.stringify(thing)}`;
  holds(![...lab.secrets, SECRET].some((secret) => shown.includes(secret)), `no secret in ${what}`);
}

/** The error of a call that must fail, with one of these codes. A batch says where, unless its deadline ended it. */
export async function fails(bench: Bench, made: Made, codes: readonly CacheErrorCode[]): Promise<CacheError> {
  const { operation, args, keysHidden } = made;
  const outcome = await settle(bench, made);
  if (!('error' in outcome)) {
    const { value, tookMs } = outcome;
    // Later than a call may settle, and yet not too late: the process stood still, and an answer that is there then wins.
    const Kind = tookMs > bench.capMs ? PerhapsBroken : Broken;
    throw new Kind(`expected ${operation} to reject, it resolved ${show(value)} after ${Math.round(tookMs)} ms`);
  }
  const { code, key } = outcome.error;
  holds(codes.includes(code), `${operation} to reject ${codes.join(' or ')}, got ${code}`);
  const anywhere = code === 'TIMEOUT' && Array.isArray(args[0]) && args[0].length > 1;
  holds(
    key !== undefined || anywhere || keysHidden,
    `${operation} to name the key that failed: the first of the batch, if all did`,
  );
  return outcome.error;
}

/** As `fails`, of a fault that none of the keys escapes: the first is named, if any is. */
export async function failsAtFirst(bench: Bench, made: Made, codes: readonly CacheErrorCode[]): Promise<void> {
  const { key } = await fails(bench, made, codes);
  const [first] = [made.args[0]].flat(2);
  holds(key === undefined || key === first, `${made.operation} to name ${show(first)}, got ${show(key)}`);
}

/** The same backend works, again by itself, and each answer is that of its own call. */
export async function recovers(bench: Bench): Promise<void> {
  const { backend, direct } = bench;
  const keys = Array.from({ length: 20 }, (_, index) => `after ${index}`);
  await direct.multiSetValues(keys.map((key) => [key, `value of ${key}`] as const));
  for (let left = RECOVERY_MS; ; ) {
    const start = performance.now();
    const [outcomes, directMs] = await Promise.all([
      Promise.all(keys.map((key) => settle(bench, call(backend, 'getValue', key)))),
      direct.exists('k').then(() => performance.now() - start),
    ]);
    const failed = outcomes.find((outcome) => 'error' in outcome);
    if (failed === undefined) {
      for (const [index, outcome] of outcomes.entries()) {
        const value = 'value' in outcome ? outcome.value : undefined;
        holds(value === `value of ${keys[index]}`, `the value of '${keys[index]}', got ${show(value)}`);
      }
      return;
    }
    // Where the way that nothing breaks was too slow, too, it was the server or the machine that stood still.
    if (directMs < TIMEOUT_MS) left -= Math.min(performance.now() - start, TIMEOUT_MS + GRACE_MS);
    left -= PAUSE_MS;
    if (left < 0)
      throw new Broken(`expected it to work again within ${RECOVERY_MS} ms, got ${showFailure(failed.error)}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Runs with a backend whose connection is warm, and mends the way afterwards. */
export async function withBench(
  lab: FaultLab,
  namespace: string,
  work: (bench: Bench) => Promise<void>,
  timeoutMs: number = TIMEOUT_MS,
): Promise<void> {
  await lab.set(undefined);
  const backend = lab.create({ namespace, timeoutMs });
  const direct = lab.direct({ namespace, timeoutMs: 10_000 });
  const bench = { lab, backend, direct, capMs: timeoutMs + GRACE_MS };
  try {
    await direct.multiSetValues([['k', 'v'], ['n', 10], ...['d', 'e', 'f'].map((key) => [key, 'v'] as const)]);
    // A busy machine may need more than one deadline to connect.
    await recovers(bench);
    await work(bench);
    await lab.set(undefined);
    await recovers(bench);
  } finally {
    await lab.set(undefined);
    await Promise.allSettled([backend.close(), direct.close()]);
  }
}

let trials = 0;

/** Tries one fault rule; rejects with what was expected. The way to the server is whole afterwards. */
export async function runFaultRule(rule: FaultRule, lab: FaultLab, name = 'the backend'): Promise<void> {
  for (let tries = 1; ; tries++) {
    trials += 1;
    const namespace = `faults-${Math.trunc(performance.timeOrigin % 1e9).toString(36)}-${trials}`;
    try {
      return await rule.run(lab, namespace);
    } catch (error) {
      if (error instanceof PerhapsBroken && tries < TRIES) continue;
      const what = error instanceof Broken ? error.message : `expected it to work, got ${showFailure(error)}`;
      throw new Error(`${name} breaks ${rule.id}: ${rule.text}\n  ${what}`);
    }
  }
}
