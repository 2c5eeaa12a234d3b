import type { CacheErrorCode } from '../../errors.ts';
import { equal } from '../equal.ts';
import {
  type Call,
  callsOf,
  checkRead,
  checkWrite,
  countApplied,
  reads,
  type Write,
  writesOf,
} from '../fault-calls.ts';
import type { Fault, FaultRule } from '../faults.ts';
import {
  Broken,
  call,
  type Fixture,
  fails,
  failsAtFirst,
  GRACE_MS,
  holds,
  type Outcome,
  recovers,
  SECRET,
  settle,
  succeeds,
  TIMEOUT_MS,
  withFixture,
} from '../run-fault-rule.ts';
import { show, showFailure } from '../transcript.ts';
import { within } from '../within.ts';

const CLOSE_MS = 1500;
/** Milliseconds. Longer than any sensible deadline. */
const DEFAULT_MS = 10_000;
const DEFAULTS = 'Core has no default for timeoutMs: the factory sets one, also if the option is undefined';
const RETRIED =
  'A read is retried once if its error has connectionLost; by then a pool must have dropped all connections that ended';
/** Milliseconds. The deadline in rules where a timeout is wrong, longer than a machine or its server stalls. */
const PATIENT_MS = 10_000;

/**
 * A rule for a fault of a single request: a write is applied at most once and reports it; a read is correct or fails.
 */
function oneRequest(id: string, what: string, fault: Fault, codes: readonly CacheErrorCode[]): FaultRule {
  return {
    id: `faults/${id}`,
    text: `${what}: a write rejects, and reports if it may have been applied; an increment counts at most once; a read is correct or rejects; the next calls succeed`,
    run: (lab, namespace) =>
      withFixture(
        lab,
        namespace,
        async (fixture) => {
          const { backend } = fixture;
          const lose = async (write: Write): Promise<void> => {
            const [operation, ...args] = write.call;
            await lab.set(fault);
            const error = await fails(fixture, call(backend, operation, ...args), codes);
            await lab.set(undefined);
            await recovers(fixture);
            await checkWrite(fixture, write, { error });
          };
          const writes = writesOf(fixture);
          for (const write of writes) await lose(write);
          if (backend.capabilities.atomicIncr) {
            // The first increment may take another path than later ones, by a script that the server has.
            await succeeds(fixture, call(backend, 'incr', 'again'));
            await lose({ call: ['incr', 'again'], changes: { again: [1, 2] } });
          }
          for (const write of writes) await countApplied(fixture, write);
          for (const read of reads) {
            const [operation, ...args] = read.call;
            await lab.set(fault);
            const outcome = await settle(fixture, call(backend, operation, ...args));
            await lab.set(undefined);
            checkRead(read, outcome, codes);
            await recovers(fixture);
          }
        },
        codes === lost ? PATIENT_MS : TIMEOUT_MS,
      ),
  };
}

/** Faults that end connections. */
const interruptions: readonly Fault[] = [
  ...(['request', 'reply'] as const).flatMap((on) =>
    (['rst', 'fin', 'silence'] as const).map((by) => ({ kind: 'cut', on, by }) as const),
  ),
  { kind: 'half-reply' },
  { kind: 'garbage' },
  { kind: 'idle-cut', by: 'rst' },
  { kind: 'idle-cut', by: 'fin' },
  { kind: 'refuse' },
];

/** Makes many calls at once, some before a fault and some during it, and checks what became of each. */
async function interrupt(fixture: Fixture, fault: Fault, round: number): Promise<void> {
  const { lab, backend, direct } = fixture;
  const waves = [0, 1, 2, 3, 4, 5].map((wave) => writesOf(fixture, ` ${round} ${wave}`));
  const seeds = waves.flat().flatMap(({ changes }) => Object.entries(changes));
  await direct.multiSetValues(
    seeds.filter(([, [before]]) => before !== undefined).map(([key, [before]]) => [key, before]),
  );
  const settled: Promise<Outcome>[] = [];
  for (const [wave, writes] of waves.entries()) {
    for (const {
      call: [operation, ...args],
    } of [...writes, ...reads]) {
      const outcome = settle(fixture, call(backend, operation, ...args));
      // Reported below, once all calls have been made.
      outcome.catch(() => undefined);
      settled.push(outcome);
    }
    // The later ones are made on connections that have failed, or on new ones.
    if (wave === 2) await lab.set(fault);
    else await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const outcomes = (await Promise.all(settled)).values();
  await lab.set(undefined);
  await recovers(fixture);
  for (const writes of waves) {
    for (const write of writes) await checkWrite(fixture, write, outcomes.next().value as Outcome);
    for (const read of reads) checkRead(read, outcomes.next().value as Outcome, strange);
  }
}

/** A rule for `close` during a fault. A silent server applies nothing; a slow one may apply what it received. */
function closeDuring(fault: Fault, when: string): FaultRule {
  return {
    id: `faults/close-during-${fault.kind}`,
    text: `close ends in time while ${when}, and so do the calls in flight; a write that was applied reports maybeApplied`,
    run: (lab, namespace) =>
      withFixture(lab, namespace, async (fixture) => {
        const backend = lab.create({ namespace, timeoutMs: 20_000 });
        await backend.getValue('k');
        await lab.set(fault);
        const settled = ([operation, ...args]: Call): Promise<Outcome> =>
          settle({ ...fixture, capMs: CLOSE_MS + GRACE_MS }, call(backend, operation, ...args));
        const written = writesOf(fixture);
        const ended = Promise.all(callsOf(fixture).map(settled));
        // Reported below, unless `close` itself fails.
        ended.catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 50));
        const closed = await settle({ ...fixture, capMs: CLOSE_MS }, call(backend, 'close'));
        holds('value' in closed, 'close to resolve');
        const outcomes = await ended;
        await lab.set(undefined);
        for (const [index, outcome] of outcomes.entries()) {
          if (!('error' in outcome)) throw new Broken('expected the calls in flight to reject');
          const { code, operation, maybeApplied } = outcome.error;
          // A call that got no connection may have rejected before.
          holds(code === 'CLOSED' || (code === 'UNAVAILABLE' && !maybeApplied), `CLOSED, got ${code}`);
          const write = written[index];
          if (write === undefined) holds(!maybeApplied, `${operation} to report maybeApplied: false`);
          else await checkWrite(fixture, write, outcome);
        }
      }),
  };
}

/** A rule for a lasting fault: every concurrent call fails in time, and none is a fake miss. */
function lasting(id: string, what: string, fault: Fault, codes: readonly CacheErrorCode[]): FaultRule {
  return {
    id: `faults/${id}`,
    text: `${what}: every call rejects in time, a batch names the key that failed, and the backend works again afterwards`,
    run: (lab, namespace) =>
      withFixture(lab, namespace, async (fixture) => {
        const { backend, direct } = fixture;
        await lab.set(fault);
        for (let round = 0; round < 2; round++) {
          const calls: readonly Call[] = [
            ...callsOf(fixture),
            ['multiSetValues', [['a', SECRET]]],
            ['multiGetValues', ['k']],
            ['deleteMany', ['d']],
          ];
          await Promise.all(
            calls.map(([operation, ...args]) => failsAtFirst(fixture, call(backend, operation, ...args), codes)),
          );
        }
        await lab.set(undefined);
        await recovers(fixture);
        // A rejected call is not sent later, over newer data.
        const newer = ['s', 'a', 'b', 'd', 'e', 'f'].map((key) => [key, 'newer'] as const);
        await direct.multiSetValues(newer);
        const counted = await direct.getValue<number>('n');
        holds(
          typeof counted === 'number' && counted >= 10 && counted <= 12,
          `at most two increments, got ${show(counted)}`,
        );
        await new Promise((resolve) => setTimeout(resolve, 300));
        const later = await direct.multiGetValues([...newer.map(([key]) => key), 'n']);
        holds(
          equal(later, [...newer.map(([, value]) => value), counted]),
          `nothing to be sent after it was rejected, got ${show(later)}`,
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
    'replies later than the deadline',
    { kind: 'delay', delayMs: TIMEOUT_MS + GRACE_MS + 200 },
    either,
  ),
  oneRequest('request-lost-rst', 'a request lost by a RST', { kind: 'cut', on: 'request', by: 'rst' }, lost),
  oneRequest('request-lost-fin', 'a request lost by a FIN', { kind: 'cut', on: 'request', by: 'fin' }, lost),
  oneRequest(
    'request-lost-silence',
    'a request lost on a connection that falls silent',
    { kind: 'cut', on: 'request', by: 'silence' },
    late,
  ),
  oneRequest('reply-lost-rst', 'a reply lost by a RST', { kind: 'cut', on: 'reply', by: 'rst' }, lost),
  oneRequest('reply-lost-fin', 'a reply lost by a FIN', { kind: 'cut', on: 'reply', by: 'fin' }, lost),
  oneRequest(
    'reply-lost-silence',
    'a reply lost on a connection that falls silent, while new ones work',
    { kind: 'cut', on: 'reply', by: 'silence' },
    late,
  ),
  oneRequest('half-reply', 'half a reply', { kind: 'half-reply' }, strange),
  oneRequest('garbage', 'garbage in place of a reply', { kind: 'garbage' }, strange),
  {
    id: 'faults/many-in-flight',
    text: 'when connections fail with many calls in flight, a write that rejects reports if it may have been applied, none is applied twice, and a read is correct or rejects',
    run: (lab, namespace) =>
      withFixture(lab, namespace, async (fixture) => {
        for (const [round, fault] of interruptions.entries()) await interrupt(fixture, fault, round);
      }),
  },
  {
    id: 'faults/keys-hidden',
    text: "errorKeys: 'hidden' leaves keys out of errors of a failing server, too",
    run: (lab, namespace) =>
      withFixture(lab, namespace, async (fixture) => {
        const backend = lab.create({ namespace, timeoutMs: TIMEOUT_MS, errorKeys: 'hidden' });
        const calls: readonly Call[] = [
          ['getValue', SECRET],
          ['setValue', SECRET, 1],
          ['multiGetValues', [SECRET, 'k']],
          ['multiSetValues', [[SECRET, 1]]],
          ['exists', SECRET],
          ['delete', SECRET],
          ['deleteMany', [SECRET, 'k']],
          ...(backend.capabilities.atomicIncr ? [['incr', SECRET] as const] : []),
        ];
        try {
          await lab.set({ kind: 'refuse' });
          await Promise.all(
            calls.map(([operation, ...args]) =>
              fails(fixture, { ...call(backend, operation, ...args), keysHidden: true }, either),
            ),
          );
        } finally {
          await backend.close();
        }
      }),
  },
  {
    id: 'faults/idle-cut',
    text: 'when an idle connection ends, the next read succeeds, and of writes at most one rejects',
    run: async (lab, namespace) => {
      for (const by of ['rst', 'fin'] as const) {
        await withFixture(
          lab,
          namespace,
          async (fixture) => {
            const { backend, direct } = fixture;
            await lab.set({ kind: 'idle-cut', by });
            const read = await settle(fixture, call(backend, 'getValue', 'k'));
            const got = 'value' in read ? show(read.value) : `${showFailure(read.error)}. ${RETRIED}`;
            holds('value' in read && read.value === 'v', `'v', from a new connection, got ${got}`);
            await lab.set({ kind: 'idle-cut', by });
            await settle(fixture, call(backend, 'incr', 'n'));
            const counted = await direct.getValue('n');
            holds(counted === 10 || counted === 11, `at most one increment, got ${show(counted)}`);
          },
          PATIENT_MS,
        );
      }
    },
  },
  {
    id: 'faults/trickle',
    text: 'a reply that arrives byte by byte is accepted',
    run: (lab, namespace) =>
      withFixture(
        lab,
        namespace,
        async (fixture) => {
          const { backend } = fixture;
          await lab.set({ kind: 'trickle' });
          const read = await settle(fixture, call(backend, 'multiGetValues', ['k', 'none', 'n']));
          holds(
            'value' in read && equal(read.value, ['v', undefined, 10]),
            `['v', undefined, 10], got ${show('value' in read ? read.value : read.error)}`,
          );
        },
        PATIENT_MS,
      ),
  },
  {
    id: 'faults/drip',
    text: 'a connection that brings a byte now and then, but no reply, fails no more calls than a silent one',
    run: (lab, namespace) =>
      withFixture(lab, namespace, async (fixture) => {
        await lab.set({ kind: 'drip' });
        await recovers(fixture);
      }),
  },
  {
    id: 'faults/slow-but-in-time',
    text: 'a reply within the deadline is accepted, however slow',
    run: (lab, namespace) =>
      withFixture(
        lab,
        namespace,
        async (fixture) => {
          const { backend } = fixture;
          await lab.set({ kind: 'delay', delayMs: 100 });
          const started = callsOf(fixture).map(([operation, ...args]) => call(backend, operation, ...args));
          const outcomes = await Promise.all(started.map((each) => settle(fixture, each)));
          holds(
            outcomes.every((outcome) => 'value' in outcome),
            'every call to resolve',
          );
        },
        PATIENT_MS,
      ),
  },
  {
    id: 'faults/stalled',
    text: 'calls without a reply reject TIMEOUT, even if the event loop stalls past their deadline',
    run: (lab, namespace) =>
      withFixture(lab, namespace, async (fixture) => {
        // Timers that watch a connection and take about as long as a deadline, or twice as long, then fire before the deadlines.
        for (const deadlines of [0.5, 1.5]) {
          await recovers(fixture);
          await new Promise((resolve) => setTimeout(resolve, deadlines * TIMEOUT_MS));
          await lab.set({ kind: 'silence' });
          const started = callsOf(fixture).map(([operation, ...args]) => call(fixture.backend, operation, ...args));
          // Failures are reported below.
          for (const { result } of started) result.catch(() => undefined);
          // Gives the requests time to be sent.
          await new Promise((resolve) => setTimeout(resolve, 20));
          const end = performance.now() + 2 * TIMEOUT_MS;
          while (performance.now() < end);
          for (const each of started) {
            const { code, maybeApplied } = await fails(fixture, each, [...late, 'UNAVAILABLE']);
            // A pool may have failed to provide a connection within a deadline of its own.
            holds(code === 'TIMEOUT' || !maybeApplied, 'TIMEOUT for a request that was sent');
          }
          await lab.set(undefined);
        }
      }),
  },
  {
    id: 'faults/default-deadline',
    text: 'a call to a silent server rejects in time, also if the options have no timeoutMs',
    run: (lab, namespace) =>
      withFixture(lab, namespace, async (fixture) => {
        const backends = [lab.create({ namespace }), lab.create({ namespace, timeoutMs: undefined })];
        const patient = { ...fixture, capMs: DEFAULT_MS };
        const late = new Broken(`expected it to reject within ${DEFAULT_MS / 1000} s. ${DEFAULTS}`);
        try {
          // Connected, because a client may limit the time of connecting by itself.
          for (const backend of backends) await succeeds(patient, call(backend, 'getValue', 'k'));
          await lab.set({ kind: 'silence' });
          const calls = backends.map((backend) => call(backend, 'getValue', 'k'));
          await within(Promise.allSettled(calls.map(({ result }) => result)), DEFAULT_MS, late);
          for (const each of calls) await fails(patient, each, either);
        } finally {
          await Promise.allSettled(backends.map(async (backend) => await backend.close()));
        }
      }),
  },
  {
    id: 'faults/late-reply',
    text: 'a reply that arrives after its deadline never becomes the reply to another call',
    run: (lab, namespace) =>
      withFixture(lab, namespace, async (fixture) => {
        const { backend, direct } = fixture;
        await direct.multiSetValues([
          ['a', 'of a'],
          ['b', 'of b'],
        ]);
        await lab.set({ kind: 'delay', delayMs: TIMEOUT_MS + GRACE_MS + 100 });
        await fails(fixture, call(backend, 'getValue', 'a'), late);
        await lab.set(undefined);
        for (let round = 0; round < 5; round++) {
          const read = await settle(fixture, call(backend, 'getValue', 'b'));
          if ('value' in read) holds(read.value === 'of b', `'of b', got ${show(read.value)}`);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }),
  },
  closeDuring({ kind: 'silence' }, 'the server is silent'),
  closeDuring({ kind: 'delay', delayMs: PATIENT_MS }, 'the server is slow'),
];
