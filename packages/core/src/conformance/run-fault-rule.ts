import type { CacheBackend, Operation } from '../backend.ts';
import { type CacheError, type CacheErrorCode, isCacheError } from '../errors.ts';
import { missingFrom, type RecordedCall } from './failure.ts';
import type { FaultLab, FaultRule } from './faults.ts';
import { show, showFailure } from './transcript.ts';
import { within } from './within.ts';

/** The backend's `timeoutMs`, long enough for a busy machine. */
export const TIMEOUT_MS = 500;
/** Milliseconds after the deadline by which, according to the contract, a call has settled. */
export const GRACE_MS = 350;
/** Milliseconds after a fault by which a backend works again. The contract says 2,000; a busy machine may need more. */
const RECOVERY_MS = 4000;
/** Milliseconds between two attempts in that time. */
const PAUSE_MS = 50;
/** How often a rule is tried while the machine stalls. */
const TRIES = 5;
/** The usual reason for which a backend does not work again after a silence. */
const WAITS = '. Connections that no longer answer, and attempts to connect, must end, or later calls wait for them';
/** A value or hidden key that neither an error nor a backend may show. */
export const SECRET = 's3cretText';

export class Broken extends Error {}

/** The machine stalled, so that a correct backend may fail as well. Another trial tells. */
class PerhapsBroken extends Broken {}

export function holds(condition: boolean, claim: string): void {
  if (!condition) throw new Broken(`expected ${claim}`);
}

/** A call that has been started. */
export interface StartedCall extends RecordedCall {
  /** When it was started, on the clock of `performance.now()`. */
  readonly since: number;
  readonly result: Promise<unknown>;
}

export function call(backend: CacheBackend, operation: Operation, ...args: readonly unknown[]): StartedCall {
  const method = backend[operation] as (...args: readonly unknown[]) => Promise<unknown>;
  const since = performance.now();
  return { backend, operation, args, keysHidden: false, since, result: method.apply(backend, [...args]) };
}

/** The backend under test, and another that bypasses the faults and sees what the server holds. */
export interface Fixture {
  readonly lab: FaultLab;
  readonly backend: CacheBackend;
  readonly direct: CacheBackend;
  /** Milliseconds within which a call of the backend must settle. */
  readonly capMs: number;
}

/** The outcome of a call. */
export type Outcome = { readonly value: unknown; readonly tookMs: number } | { readonly error: CacheError };

/** Awaits a call, which must settle within `capMs`. Checks that its error has all required properties and shows no secret. */
export async function settle({ lab, capMs }: Fixture, started: StartedCall): Promise<Outcome> {
  const { backend, operation, since, result } = started;
  // Under a longer deadline too, a call waits no longer for a connection than a backend may take to work again.
  const [limitMs, Late] = capMs > RECOVERY_MS ? [RECOVERY_MS, PerhapsBroken] : [capMs, Broken];
  const outcome = await within(
    result.then(
      (value): Outcome => ({ value, tookMs: performance.now() - since }),
      (error: unknown) => ({ error: error as CacheError }),
    ),
    limitMs,
    new Late(`expected ${operation} to settle within ${limitMs} ms`),
  );
  if ('error' in outcome) {
    const { error } = outcome;
    holds(isCacheError(error), `${operation} to reject with a CacheError, got ${show(error)}`);
    const missing = missingFrom(error, started);
    if (missing !== undefined) throw new Broken(`expected ${missing}`);
    showsNothing(lab, error, `what ${operation} rejects with`);
    showsNothing(lab, backend, `what the backend shows of itself when ${operation} has failed`);
  }
  return outcome;
}

/** Fails if the error or backend shows a secret by any means. */
function showsNothing(lab: FaultLab, thing: unknown, what: string): void {
  const shown = `${lab.inspect(thing)}${String(thing)}${JSON.stringify(thing)}`;
  holds(![...lab.secrets, SECRET].some((secret) => shown.includes(secret)), `no secret in ${what}`);
}

/** Awaits a call that must succeed. If it times out, the machine may have stalled. */
export async function succeeds(fixture: Fixture, started: StartedCall): Promise<void> {
  const outcome = await settle(fixture, started);
  if (!('error' in outcome)) return;
  const { code } = outcome.error;
  const Kind = code === 'TIMEOUT' ? PerhapsBroken : Broken;
  throw new Kind(`expected ${started.operation} to succeed, got ${showFailure(outcome.error)}`);
}

/** Awaits a call that must fail with one of these codes. A batch must name its key, unless it timed out. */
export async function fails(
  fixture: Fixture,
  started: StartedCall,
  codes: readonly CacheErrorCode[],
): Promise<CacheError> {
  const { operation, args, keysHidden } = started;
  const outcome = await settle(fixture, started);
  if (!('error' in outcome)) {
    const { value, tookMs } = outcome;
    // After a stall a reply that has been received wins over the deadline, however late it is.
    const Kind = tookMs > fixture.capMs ? PerhapsBroken : Broken;
    throw new Kind(`expected ${operation} to reject, it resolved ${show(value)} after ${Math.round(tookMs)} ms`);
  }
  const { code, key } = outcome.error;
  holds(codes.includes(code), `${operation} to reject ${codes.join(' or ')}, got ${showFailure(outcome.error)}`);
  const anywhere = code === 'TIMEOUT' && Array.isArray(args[0]) && args[0].length > 1;
  holds(
    key !== undefined || anywhere || keysHidden,
    `${operation} to name the key that failed: the first of the batch, if all did, as sendParts and underKey do; got ${showFailure(outcome.error)}`,
  );
  return outcome.error;
}

/** Like `fails`, for a fault that affects all keys: if the error names a key, it is the first. */
export async function failsAtFirst(
  fixture: Fixture,
  started: StartedCall,
  codes: readonly CacheErrorCode[],
): Promise<void> {
  const { key } = await fails(fixture, started, codes);
  const [first] = [started.args[0]].flat(2);
  holds(key === undefined || key === first, `${started.operation} to name ${show(first)}, got ${show(key)}`);
}

/** Waits until the backend works again, and checks that each call gets its own reply. */
export async function recovers(fixture: Fixture): Promise<void> {
  const { backend, direct } = fixture;
  const keys = Array.from({ length: 20 }, (_, index) => `after ${index}`);
  await direct.multiSetValues(keys.map((key) => [key, `value of ${key}`] as const));
  for (let left = RECOVERY_MS; ; ) {
    const start = performance.now();
    const [outcomes, directMs] = await Promise.all([
      Promise.all(keys.map((key) => settle(fixture, call(backend, 'getValue', key)))),
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
    // If the backend that no fault affects was too slow as well, the server or the machine stalled.
    if (directMs < TIMEOUT_MS) left -= Math.min(performance.now() - start, TIMEOUT_MS + GRACE_MS);
    left -= PAUSE_MS;
    if (left < 0) {
      const why = failed.error.code === 'TIMEOUT' ? WAITS : '';
      throw new Broken(`expected it to work again within ${RECOVERY_MS} ms, got ${showFailure(failed.error)}${why}`);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Runs `work` with a connected backend, and ends the fault afterwards. */
export async function withFixture(
  lab: FaultLab,
  namespace: string,
  work: (fixture: Fixture) => Promise<void>,
  timeoutMs: number = TIMEOUT_MS,
): Promise<void> {
  await lab.set(undefined);
  const backend = lab.create({ namespace, timeoutMs });
  const direct = lab.direct({ namespace, timeoutMs: 10_000 });
  const fixture = { lab, backend, direct, capMs: timeoutMs + GRACE_MS };
  try {
    await direct.multiSetValues([['k', 'v'], ['n', 10], ...['d', 'e', 'f'].map((key) => [key, 'v'] as const)]);
    // On a busy machine connecting may take longer than one deadline.
    await recovers(fixture);
    await work(fixture);
    await lab.set(undefined);
    await recovers(fixture);
  } finally {
    await lab.set(undefined);
    await Promise.allSettled([backend.close(), direct.close()]);
  }
}

/** Runs one fault rule; rejects with the failed expectation. No fault is active afterwards. */
export async function runFaultRule(rule: FaultRule, lab: FaultLab, name = 'the backend'): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await rule.run(lab, `faults-${crypto.randomUUID()}`);
    } catch (error) {
      if (error instanceof PerhapsBroken && tries < TRIES) continue;
      const what = error instanceof Broken ? error.message : `expected it to work, got ${showFailure(error)}`;
      throw new Error(`${name} breaks ${rule.id}: ${rule.text}\n  ${what}`);
    }
  }
}
