import type { CacheBackend } from '../../backend.ts';
import { type CacheError, type CacheErrorCode, isCacheError } from '../../errors.ts';
import type { Fault, FaultLab } from '../faults.ts';
import { show } from '../story.ts';

/** Milliseconds: the deadline that the rules give to the backend, long enough for a busy machine. */
const TIMEOUT_MS = 500;
/** Milliseconds after its deadline in which the contract lets a call settle. */
const GRACE_MS = 350;
/** Milliseconds after a fault in which a backend works again; the contract says 2,000, a busy machine may take longer. */
const RECOVERY_MS = 4000;
const CLOSE_MS = 1500;
const SECRET_VALUE = 's3cretValue';

export interface FaultRule {
  readonly id: string;
  readonly text: string;
  readonly run: (lab: FaultLab, namespace: string) => Promise<void>;
}

class Broken extends Error {}

function holds(condition: boolean, claim: string): void {
  if (!condition) throw new Broken(`expected ${claim}`);
}

/** What became of a call within its deadline and grace. */
type Outcome = { readonly value: unknown } | { readonly error: CacheError };

async function settle(
  lab: FaultLab,
  what: string,
  call: Promise<unknown>,
  capMs: number = TIMEOUT_MS + GRACE_MS,
): Promise<Outcome> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), capMs);
  });
  const outcome = await Promise.race([
    late,
    call.then(
      (value): Outcome => ({ value }),
      (error: unknown) => ({ error: error as CacheError }),
    ),
  ]);
  clearTimeout(timer);
  if (outcome === 'late') throw new Broken(`expected ${what} to settle within ${capMs} ms`);
  if ('error' in outcome) {
    holds(isCacheError(outcome.error), `${what} to reject with a CacheError, got ${show(outcome.error)}`);
    const shown = `${lab.inspect(outcome.error)}${String(outcome.error)}${JSON.stringify(outcome.error)}`;
    holds(
      ![...lab.secrets, SECRET_VALUE].some((secret) => shown.includes(secret)),
      `no secret and no value in what ${what} rejects with`,
    );
  }
  return outcome;
}

/** The error of a call that must fail, with one of these codes. */
async function fails(
  lab: FaultLab,
  what: string,
  call: Promise<unknown>,
  codes: readonly CacheErrorCode[],
): Promise<CacheError> {
  const outcome = await settle(lab, what, call);
  if (!('error' in outcome)) throw new Broken(`expected ${what} to reject, it resolved ${show(outcome.value)}`);
  const { code, retryable } = outcome.error;
  holds(codes.includes(code), `${what} to reject ${codes.join(' or ')}, got ${code}`);
  holds(retryable || (code !== 'TIMEOUT' && code !== 'UNAVAILABLE'), `${code} to be retryable`);
  return outcome.error;
}

/** A batch that must fail, and name its first key; what a deadline ended may not know where it was. */
async function failsAt(
  lab: FaultLab,
  what: string,
  call: Promise<unknown>,
  codes: readonly CacheErrorCode[],
  key: string,
): Promise<void> {
  const failure = await fails(lab, what, call, codes);
  if (failure.code === 'TIMEOUT') return;
  holds(failure.key === key, `${what} to name '${key}', got ${show(failure.key)}`);
}

/** The same backend works again by itself, and each answer is that of its own call. */
async function recovers(backend: CacheBackend, direct: CacheBackend): Promise<void> {
  const keys = Array.from({ length: 20 }, (_, index) => `after ${index}`);
  await direct.multiSetValues(keys.map((key) => [key, `value of ${key}`] as const));
  const end = performance.now() + RECOVERY_MS;
  for (;;) {
    const values = await Promise.all(keys.map((key) => backend.getValue(key))).catch((error: unknown) => {
      if (performance.now() > end)
        throw new Broken(`expected it to work again within ${RECOVERY_MS} ms, got ${show(error)}`);
      return undefined;
    });
    if (values === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      continue;
    }
    for (const [index, key] of keys.entries())
      holds(values[index] === `value of ${key}`, `the value of '${key}', got ${show(values[index])}`);
    return;
  }
}

interface Bench {
  readonly backend: CacheBackend;
  readonly direct: CacheBackend;
}

/** Runs with a backend whose connection is warm, and mends the way afterwards. */
async function withBench(lab: FaultLab, namespace: string, work: (bench: Bench) => Promise<void>): Promise<void> {
  await lab.set(undefined);
  const backend = lab.create({ namespace, timeoutMs: TIMEOUT_MS });
  const direct = lab.direct({ namespace, timeoutMs: 10_000 });
  try {
    await direct.multiSetValues([
      ['k', 'v'],
      ['n', 10],
    ]);
    await backend.getValue('k');
    await work({ backend, direct });
    await lab.set(undefined);
    await recovers(backend, direct);
  } finally {
    await lab.set(undefined);
    await Promise.allSettled([backend.close(), direct.close()]);
  }
}

/** A fault of one request: an increment counts at most once, and says so; a read is right or fails; a set is told without its value. */
function oneRequest(id: string, what: string, fault: Fault, codes: readonly CacheErrorCode[]): FaultRule {
  return {
    id: `faults/${id}`,
    text: `${what}: an increment counts at most once, a read is right or rejects, and the next calls are fine`,
    run: (lab, namespace) =>
      withBench(lab, namespace, async ({ backend, direct }) => {
        await lab.set(fault);
        const failure = await fails(lab, 'incr', backend.incr('n'), codes);
        await lab.set(undefined);
        const counted = await direct.getValue('n');
        holds(counted === 10 || counted === 11, `the counter to be 10 or 11, got ${show(counted)}`);
        holds(counted === 10 || failure.maybeApplied, 'an increment that was applied to say that it may have been');
        await recovers(backend, direct);
        await lab.set(fault);
        await fails(lab, 'setValue', backend.setValue('s', SECRET_VALUE), codes);
        await lab.set(undefined);
        await recovers(backend, direct);
        await lab.set(fault);
        const read = await settle(lab, 'getValue', backend.getValue('k'));
        if ('value' in read) holds(read.value === 'v', `'v' or a rejection, got ${show(read.value)}`);
        else
          holds(
            [...codes, 'CORRUPT'].includes(read.error.code) && !read.error.maybeApplied,
            `a read to reject ${codes.join(' or ')}, got ${read.error.code}`,
          );
      }),
  };
}

/** A fault that lasts: every call fails in time, side by side, and none is a fake miss. */
function lasting(id: string, what: string, fault: Fault, codes: readonly CacheErrorCode[]): FaultRule {
  return {
    id: `faults/${id}`,
    text: `${what}: every call rejects in time, a batch names the key it failed at, and the backend works again afterwards`,
    run: (lab, namespace) =>
      withBench(lab, namespace, async ({ backend, direct }) => {
        await lab.set(fault);
        for (let round = 0; round < 2; round++) {
          await Promise.all([
            fails(lab, 'getValue', backend.getValue('k'), codes),
            failsAt(lab, 'multiGetValues', backend.multiGetValues(['k', 'none']), codes, 'k'),
            failsAt(lab, 'deleteMany', backend.deleteMany(['d', 'e']), codes, 'd'),
            fails(lab, 'exists', backend.exists('none'), codes),
            fails(lab, 'setValue', backend.setValue('s', SECRET_VALUE), codes),
            failsAt(
              lab,
              'multiSetValues',
              backend.multiSetValues(
                [
                  ['a', SECRET_VALUE],
                  ['b', 1],
                ],
                { ttl: 60 },
              ),
              codes,
              'a',
            ),
            fails(lab, 'delete', backend.delete('d'), codes),
            fails(lab, 'incr', backend.incr('n'), codes),
          ]);
        }
        await lab.set(undefined);
        await recovers(backend, direct);
        // What was rejected is not sent later, over newer data.
        await direct.setValue('s', 'newer');
        const counted = await direct.getValue<number>('n');
        holds(
          typeof counted === 'number' && counted >= 10 && counted <= 12,
          `at most two increments, got ${show(counted)}`,
        );
        await new Promise((resolve) => setTimeout(resolve, 300));
        holds(
          (await direct.getValue('s')) === 'newer' && (await direct.getValue('n')) === counted,
          'nothing to be sent after it was rejected',
        );
      }),
  };
}

const lost: readonly CacheErrorCode[] = ['UNAVAILABLE'];
const late: readonly CacheErrorCode[] = ['TIMEOUT'];
const either: readonly CacheErrorCode[] = ['UNAVAILABLE', 'TIMEOUT'];
const strange: readonly CacheErrorCode[] = ['UNAVAILABLE', 'TIMEOUT', 'BACKEND'];

export const faults: readonly FaultRule[] = [
  lasting('refused', 'a server that refuses connections', { kind: 'refuse' }, either),
  lasting('silent', 'a server that falls silent', { kind: 'silence' }, either),
  lasting(
    'slower-than-deadline',
    'answers later than the deadline',
    { kind: 'delay', delayMs: TIMEOUT_MS + GRACE_MS + 200 },
    either,
  ),
  oneRequest('request-lost-rst', 'a request lost by a reset', { kind: 'cut', on: 'request', by: 'rst' }, lost),
  oneRequest('request-lost-fin', 'a request lost by an orderly end', { kind: 'cut', on: 'request', by: 'fin' }, lost),
  oneRequest('request-lost-silence', 'a request lost in silence', { kind: 'cut', on: 'request', by: 'silence' }, late),
  oneRequest('reply-lost-rst', 'an answer lost by a reset', { kind: 'cut', on: 'reply', by: 'rst' }, lost),
  oneRequest('reply-lost-fin', 'an answer lost by an orderly end', { kind: 'cut', on: 'reply', by: 'fin' }, lost),
  oneRequest(
    'reply-lost-silence',
    'an answer lost in silence, new connections fine',
    { kind: 'cut', on: 'reply', by: 'silence' },
    late,
  ),
  oneRequest('half-reply', 'half an answer', { kind: 'half-reply' }, strange),
  oneRequest('garbage', 'an answer that is none', { kind: 'garbage' }, strange),
  {
    id: 'faults/idle-cut',
    text: 'a connection that ended while nothing was asked costs a read nothing, and a write at most one rejection',
    run: async (lab, namespace) => {
      for (const by of ['rst', 'fin'] as const) {
        await withBench(lab, namespace, async ({ backend, direct }) => {
          await lab.set({ kind: 'idle-cut', by });
          const read = await settle(lab, 'getValue', backend.getValue('k'));
          holds('value' in read && read.value === 'v', "'v'");
          await lab.set({ kind: 'idle-cut', by });
          await settle(lab, 'incr', backend.incr('n'));
          const counted = await direct.getValue('n');
          holds(counted === 10 || counted === 11, `one increment at the most, got ${show(counted)}`);
        });
      }
    },
  },
  {
    id: 'faults/trickle',
    text: 'an answer that comes byte by byte is an answer',
    run: (lab, namespace) =>
      withBench(lab, namespace, async ({ backend }) => {
        await lab.set({ kind: 'trickle' });
        const read = await settle(lab, 'multiGetValues', backend.multiGetValues(['k', 'none', 'n']));
        holds(
          'value' in read && show(read.value) === show(['v', undefined, 10]),
          `['v', undefined, 10], got ${show('value' in read ? read.value : read.error)}`,
        );
      }),
  },
  {
    id: 'faults/slow-but-in-time',
    text: 'an answer within the deadline is an answer, however slow',
    run: (lab, namespace) =>
      withBench(lab, namespace, async ({ backend }) => {
        await lab.set({ kind: 'delay', delayMs: 100 });
        const outcomes = await Promise.all([
          settle(lab, 'getValue', backend.getValue('k')),
          settle(lab, 'incr', backend.incr('n')),
        ]);
        holds(
          outcomes.every((outcome) => 'value' in outcome),
          'both to resolve',
        );
      }),
  },
  {
    id: 'faults/late-answer',
    text: 'an answer that comes after its deadline never becomes that of another call',
    run: (lab, namespace) =>
      withBench(lab, namespace, async ({ backend, direct }) => {
        await direct.multiSetValues([
          ['a', 'of a'],
          ['b', 'of b'],
        ]);
        await lab.set({ kind: 'delay', delayMs: TIMEOUT_MS + GRACE_MS + 100 });
        await fails(lab, 'getValue', backend.getValue('a'), late);
        await lab.set(undefined);
        for (let round = 0; round < 5; round++) {
          const read = await settle(lab, 'getValue', backend.getValue('b'));
          if ('value' in read) holds(read.value === 'of b', `'of b', got ${show(read.value)}`);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }),
  },
  {
    id: 'faults/close-during',
    text: 'close ends in time while the server is silent, and so does what was in flight',
    run: (lab, namespace) =>
      withBench(lab, namespace, async ({ direct }) => {
        const backend = lab.create({ namespace, timeoutMs: 20_000 });
        await backend.getValue('k');
        await lab.set({ kind: 'silence' });
        const calls = [backend.getValue('k'), backend.setValue('s', SECRET_VALUE), backend.incr('n')];
        const outcomes = calls.map((call) => settle(lab, 'a call in flight', call, CLOSE_MS + GRACE_MS));
        const ended = Promise.all(outcomes);
        // Told below, unless close itself is what fails.
        ended.catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 50));
        await settle(lab, 'close', backend.close(), CLOSE_MS);
        for (const [index, outcome] of (await ended).entries()) {
          if (!('error' in outcome)) throw new Broken('expected what was in flight to reject');
          holds(outcome.error.code === 'CLOSED', `CLOSED, got ${outcome.error.code}`);
          holds(
            outcome.error.maybeApplied === index > 0,
            'writes to say that they may have been applied, and the read not',
          );
        }
        await lab.set(undefined);
        await direct.getValue('k');
      }),
  },
];

let trials = 0;

/** Tries one fault rule; rejects with what was expected. The way to the server is whole afterwards. */
export async function runFaultRule(rule: FaultRule, lab: FaultLab, name = 'the backend'): Promise<void> {
  trials += 1;
  const namespace = `faults-${Math.trunc(performance.timeOrigin % 1e9).toString(36)}-${trials}`;
  try {
    await rule.run(lab, namespace);
  } catch (error) {
    const what = error instanceof Broken ? error.message : `expected it to work, got ${show(error)}`;
    throw new Error(`${name} breaks ${rule.id}: ${rule.text}\n  ${what}`);
  }
}
