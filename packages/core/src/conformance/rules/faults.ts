import type { CacheBackend, Operation } from '../../backend.ts';
import type { CacheErrorCode } from '../../errors.ts';
import { equal } from '../equal.ts';
import type { Fault, FaultRule } from '../faults.ts';
import {
  type Bench,
  Broken,
  call,
  fails,
  failsAtFirst,
  GRACE_MS,
  holds,
  type Outcome,
  recovers,
  SECRET,
  settle,
  TIMEOUT_MS,
  withBench,
} from '../run-fault-rule.ts';
import { show } from '../story.ts';

const CLOSE_MS = 1500;
/** Milliseconds: the deadline where a call that waits for it is wrong, longer than a machine stands still. */
const PATIENT_MS = 10_000;

type Call = readonly [operation: Operation, ...args: readonly unknown[]];

/** Writes, and how to see that they have been applied to what the bench holds. */
const writes: readonly (readonly [Call, applied: (direct: CacheBackend) => Promise<boolean>])[] = [
  [['incr', 'n'], async (direct) => (await direct.getValue('n')) !== 10],
  [['setValue', 's', SECRET], (direct) => direct.exists('s')],
  [
    ['multiSetValues', ['a', 'b'].map((key) => [key, SECRET]), { ttl: 60 }],
    async (direct) => (await direct.exists('a')) || (await direct.exists('b')),
  ],
  [['delete', 'd'], async (direct) => !(await direct.exists('d'))],
  [['deleteMany', ['e', 'f']], async (direct) => !(await direct.exists('e')) || !(await direct.exists('f'))],
];

/** Those that the backend has. */
const writesOf = ({ backend }: Bench): typeof writes =>
  writes.filter(([[operation]]) => operation !== 'incr' || backend.capabilities.atomicIncr);

/** Reads, and what they give. */
const reads: readonly (readonly [Call, right: unknown])[] = [
  [['getValue', 'k'], 'v'],
  [
    ['multiGetValues', ['none', 'k']],
    [undefined, 'v'],
  ],
  [['exists', 'k'], true],
];

/** A fault of one request: a write is applied once at most and says that it may be; a read is right or fails. */
function oneRequest(id: string, what: string, fault: Fault, codes: readonly CacheErrorCode[]): FaultRule {
  return {
    id: `faults/${id}`,
    text: `${what}: a write rejects, and says so if it may have been applied; an increment counts at most once; a read is right or rejects; the next calls are fine`,
    run: (lab, namespace) =>
      withBench(
        lab,
        namespace,
        async (bench) => {
          const { backend, direct } = bench;
          for (const [[operation, ...args], applied] of writesOf(bench)) {
            await lab.set(fault);
            const { maybeApplied } = await fails(bench, call(backend, operation, ...args), codes);
            await lab.set(undefined);
            await recovers(bench);
            holds(
              maybeApplied || !(await applied(direct)),
              `${operation}, which was applied, to say that it may have been`,
            );
          }
          const counted = await direct.getValue('n');
          holds(counted === 10 || counted === 11, `the counter to be 10 or 11, got ${show(counted)}`);
          for (const [[operation, ...args], right] of reads) {
            await lab.set(fault);
            const read = await settle(bench, call(backend, operation, ...args));
            await lab.set(undefined);
            if ('value' in read)
              holds(equal(read.value, right), `${show(right)} or a rejection, got ${show(read.value)}`);
            else
              holds(
                [...codes, 'CORRUPT'].includes(read.error.code),
                `${operation} to reject ${codes.join(' or ')}, got ${read.error.code}`,
              );
            await recovers(bench);
          }
        },
        codes === lost ? PATIENT_MS : TIMEOUT_MS,
      ),
  };
}

/** Of a silent server nothing is applied; of one that is late, what arrived. */
function closeDuring(fault: Fault, when: string): FaultRule {
  return {
    id: `faults/close-during-${fault.kind}`,
    text: `close ends in time while ${when}, and so does what was in flight; a write that was applied says that it may have been`,
    run: (lab, namespace) =>
      withBench(lab, namespace, async (bench) => {
        const { direct } = bench;
        const backend = lab.create({ namespace, timeoutMs: 20_000 });
        await backend.getValue('k');
        await lab.set(fault);
        const settled = ([operation, ...args]: Call): Promise<Outcome> =>
          settle({ ...bench, capMs: CLOSE_MS + GRACE_MS }, call(backend, operation, ...args));
        const written = writesOf(bench);
        const ended = Promise.all([...written, ...reads].map(([made]) => settled(made)));
        // Told below, unless close itself is what fails.
        ended.catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 50));
        const closed = await settle({ ...bench, capMs: CLOSE_MS }, call(backend, 'close'));
        holds('value' in closed, 'close to resolve');
        const outcomes = await ended;
        await lab.set(undefined);
        for (const [index, outcome] of outcomes.entries()) {
          if (!('error' in outcome)) throw new Broken('expected what was in flight to reject');
          const { code, operation, maybeApplied } = outcome.error;
          // What got no connection may have been told so before.
          holds(code === 'CLOSED' || (code === 'UNAVAILABLE' && !maybeApplied), `CLOSED, got ${code}`);
          const applied = written[index]?.[1];
          if (applied === undefined) holds(!maybeApplied, `${operation} to say that nothing was applied`);
          else
            holds(
              maybeApplied || !(await applied(direct)),
              `${operation}, which was applied, to say that it may have been`,
            );
        }
      }),
  };
}

/** A fault that lasts: every call fails in time, side by side, and none is a fake miss. */
function lasting(id: string, what: string, fault: Fault, codes: readonly CacheErrorCode[]): FaultRule {
  return {
    id: `faults/${id}`,
    text: `${what}: every call rejects in time, a batch names the key it failed at, and the backend works again afterwards`,
    run: (lab, namespace) =>
      withBench(lab, namespace, async (bench) => {
        const { backend, direct } = bench;
        await lab.set(fault);
        for (let round = 0; round < 2; round++) {
          const calls: readonly Call[] = [
            ...writesOf(bench).map(([write]) => write),
            ...reads.map(([read]) => read),
            ['multiSetValues', [['a', SECRET]]],
            ['multiGetValues', ['k']],
            ['deleteMany', ['d']],
          ];
          await Promise.all(
            calls.map(([operation, ...args]) => failsAtFirst(bench, call(backend, operation, ...args), codes)),
          );
        }
        await lab.set(undefined);
        await recovers(bench);
        // What was rejected is not sent later, over newer data.
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
    id: 'faults/keys-hidden',
    text: "errorKeys: 'hidden' leaves keys out of the failures of a server, too",
    run: (lab, namespace) =>
      withBench(lab, namespace, async (bench) => {
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
              fails(bench, { ...call(backend, operation, ...args), keysHidden: true }, either),
            ),
          );
        } finally {
          await backend.close();
        }
      }),
  },
  {
    id: 'faults/idle-cut',
    text: 'a connection that ended while nothing was asked costs a read nothing, and a write at most one rejection',
    run: async (lab, namespace) => {
      for (const by of ['rst', 'fin'] as const) {
        await withBench(
          lab,
          namespace,
          async (bench) => {
            const { backend, direct } = bench;
            await lab.set({ kind: 'idle-cut', by });
            const read = await settle(bench, call(backend, 'getValue', 'k'));
            holds(
              'value' in read && read.value === 'v',
              `'v', from a connection that is new, got ${show('value' in read ? read.value : read.error)}`,
            );
            await lab.set({ kind: 'idle-cut', by });
            await settle(bench, call(backend, 'incr', 'n'));
            const counted = await direct.getValue('n');
            holds(counted === 10 || counted === 11, `one increment at the most, got ${show(counted)}`);
          },
          PATIENT_MS,
        );
      }
    },
  },
  {
    id: 'faults/trickle',
    text: 'an answer that comes byte by byte is an answer',
    run: (lab, namespace) =>
      withBench(
        lab,
        namespace,
        async (bench) => {
          const { backend } = bench;
          await lab.set({ kind: 'trickle' });
          const read = await settle(bench, call(backend, 'multiGetValues', ['k', 'none', 'n']));
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
    text: 'a connection that brings a byte now and then, and no answer, fails no more calls than one that is silent',
    run: (lab, namespace) =>
      withBench(lab, namespace, async (bench) => {
        await lab.set({ kind: 'drip' });
        await recovers(bench);
      }),
  },
  {
    id: 'faults/slow-but-in-time',
    text: 'an answer within the deadline is an answer, however slow',
    run: (lab, namespace) =>
      withBench(
        lab,
        namespace,
        async (bench) => {
          const { backend } = bench;
          await lab.set({ kind: 'delay', delayMs: 100 });
          const calls = [...reads, ...writesOf(bench)].map(([[operation, ...args]]) =>
            call(backend, operation, ...args),
          );
          const outcomes = await Promise.all(calls.map((made) => settle(bench, made)));
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
    text: 'calls that are not answered reject TIMEOUT, also where the event loop stood still beyond their deadline',
    run: (lab, namespace) =>
      withBench(lab, namespace, async (bench) => {
        // What watches a connection is in the midst of its time, whether that is that of a call or twice as long, and comes
        // before the deadlines.
        for (const deadlines of [0.5, 1.5]) {
          await recovers(bench);
          await new Promise((resolve) => setTimeout(resolve, deadlines * TIMEOUT_MS));
          await lab.set({ kind: 'silence' });
          const calls = [...writesOf(bench), ...reads].map(([made]) => made);
          const made = calls.map(([operation, ...args]) => call(bench.backend, operation, ...args));
          // What fails already is told below.
          for (const { result } of made) result.catch(() => undefined);
          // By then they have been sent.
          await new Promise((resolve) => setTimeout(resolve, 20));
          const end = performance.now() + 2 * TIMEOUT_MS;
          while (performance.now() < end);
          for (const each of made) {
            const { code, maybeApplied } = await fails(bench, each, [...late, 'UNAVAILABLE']);
            // A pool may have given it no connection, by a deadline of its own that passed as well.
            holds(code === 'TIMEOUT' || !maybeApplied, 'TIMEOUT of what was sent');
          }
          await lab.set(undefined);
        }
      }),
  },
  {
    id: 'faults/late-answer',
    text: 'an answer that comes after its deadline never becomes that of another call',
    run: (lab, namespace) =>
      withBench(lab, namespace, async (bench) => {
        const { backend, direct } = bench;
        await direct.multiSetValues([
          ['a', 'of a'],
          ['b', 'of b'],
        ]);
        await lab.set({ kind: 'delay', delayMs: TIMEOUT_MS + GRACE_MS + 100 });
        await fails(bench, call(backend, 'getValue', 'a'), late);
        await lab.set(undefined);
        for (let round = 0; round < 5; round++) {
          const read = await settle(bench, call(backend, 'getValue', 'b'));
          if ('value' in read) holds(read.value === 'of b', `'of b', got ${show(read.value)}`);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }),
  },
  closeDuring({ kind: 'silence' }, 'the server is silent'),
  closeDuring({ kind: 'delay', delayMs: PATIENT_MS }, 'the server is late'),
];
