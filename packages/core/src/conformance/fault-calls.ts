import type { Operation } from '../backend.ts';
import type { CacheErrorCode } from '../errors.ts';
import { equal } from './equal.ts';
import { type Fixture, holds, type Outcome, SECRET } from './run-fault-rule.ts';
import { show, showFailure } from './transcript.ts';

// The calls that the fault rules make, and what must have become of them.

export type Call = readonly [operation: Operation, ...args: readonly unknown[]];

export interface Write {
  readonly call: Call;
  /** What its keys hold before it is applied, and after. */
  readonly changes: Readonly<Record<string, readonly [before: unknown, after: unknown]>>;
}

/** The writes that the backend supports, on keys that end in `suffix`. */
export function writesOf({ backend }: Fixture, suffix = ''): readonly Write[] {
  const key = (letter: string): string => letter + suffix;
  const set = [undefined, SECRET] as const;
  const deleted = ['v', undefined] as const;
  const writes: readonly Write[] = [
    { call: ['incr', key('n')], changes: { [key('n')]: [10, 11] } },
    { call: ['setValue', key('s'), SECRET], changes: { [key('s')]: set } },
    {
      call: ['multiSetValues', [key('a'), key('b')].map((each) => [each, SECRET]), { ttl: 60 }],
      changes: { [key('a')]: set, [key('b')]: set },
    },
    { call: ['delete', key('d')], changes: { [key('d')]: deleted } },
    { call: ['deleteMany', [key('e'), key('f')]], changes: { [key('e')]: deleted, [key('f')]: deleted } },
  ];
  return writes.filter(({ call: [operation] }) => operation !== 'incr' || backend.capabilities.atomicIncr);
}

/** On how many of its keys a write has been applied. Fails if it has been applied twice. */
export async function countApplied({ direct }: Fixture, { changes }: Write): Promise<number> {
  const found = await direct.multiGetValues(Object.keys(changes));
  let applied = 0;
  for (const [index, [key, [before, after]]] of Object.entries(changes).entries()) {
    if (equal(found[index], after)) applied += 1;
    else
      holds(equal(found[index], before), `'${key}' to be ${show(before)} or ${show(after)}, got ${show(found[index])}`);
  }
  return applied;
}

export interface Read {
  readonly call: Call;
  readonly right: unknown;
}

export const reads: readonly Read[] = [
  { call: ['getValue', 'k'], right: 'v' },
  { call: ['multiGetValues', ['none', 'k']], right: [undefined, 'v'] },
  { call: ['exists', 'k'], right: true },
];

/** All writes, then all reads. */
export function callsOf(fixture: Fixture): readonly Call[] {
  return [...writesOf(fixture), ...reads].map((each) => each.call);
}

/** Fails if a write that resolved was not applied, or one that rejected was and does not say that it may have been. */
export async function checkWrite(fixture: Fixture, write: Write, outcome: Outcome): Promise<void> {
  const applied = await countApplied(fixture, write);
  const [operation] = write.call;
  if ('value' in outcome) holds(applied === Object.keys(write.changes).length, `${operation} to be applied`);
  else
    holds(outcome.error.maybeApplied || applied === 0, `${operation}, which was applied, to say that it may have been`);
}

/** Fails if a read neither resolves what is right nor rejects with one of these codes. */
export function checkRead(
  { call: [operation], right }: Read,
  outcome: Outcome,
  codes: readonly CacheErrorCode[],
): void {
  if ('value' in outcome)
    holds(equal(outcome.value, right), `${show(right)} or a rejection, got ${show(outcome.value)}`);
  else {
    const { error } = outcome;
    const expected = `${operation} to reject ${codes.join(' or ')}`;
    holds([...codes, 'CORRUPT'].includes(error.code), `${expected}, got ${showFailure(error)}`);
  }
}
