import type { Happening } from './history.ts';
import { show } from './transcript.ts';

/** The value of a key; `null` means that there is none. The values of a history are numbers and strings. */
type State = unknown;

/** The result of an operation in a state, and the next state; `undefined` if it cannot succeed in that state. */
function step(
  { kind, input }: Happening,
  state: State,
): { readonly result: unknown; readonly next: State } | undefined {
  switch (kind) {
    case 'get':
      return { result: state, next: state };
    case 'exists':
      return { result: state !== null, next: state };
    case 'set':
      return { result: null, next: input };
    case 'delete':
      return { result: state === null ? 0 : 1, next: null };
    case 'incr': {
      if (state !== null && typeof state !== 'number') return undefined;
      const sum = ((state as number | null) ?? 0) + (input as number);
      return { result: sum, next: sum };
    }
  }
}

/**
 * The first key whose history is not linearizable; `undefined` if all are. A history is linearizable if some order of
 * its operations explains all results, and each takes effect between its start and end. An operation without an end may
 * take effect later, or never. The search is that of Wing and Gong (Testing and Verifying Concurrent Objects, 1993),
 * with the memoisation of Lowe.
 */
export function notLinearizable(history: readonly Happening[]): string | undefined {
  const byKey = new Map<string, Happening[]>();
  for (const happening of history) {
    const known = byKey.get(happening.key);
    if (known === undefined) byKey.set(happening.key, [happening]);
    else known.push(happening);
  }
  for (const [key, happenings] of byKey) {
    if (!isLinearizable(happenings)) return key;
  }
  return undefined;
}

/** The maximum number of calls that `unexplained` lists. */
const LISTED = 8;

/**
 * Describes the first result that no order of the calls on its key explains, and the latest calls that started before its
 * end; `undefined` if the history is linearizable.
 */
export function unexplained(history: readonly Happening[]): string | undefined {
  const key = notLinearizable(history);
  if (key === undefined) return undefined;
  const happenings = history.filter((each) => each.key === key).sort((a, b) => a.start - b.start);
  /** What had started by then; what had not ended may or may not have taken effect. */
  const by = (moment: number): readonly Happening[] =>
    happenings
      .filter(({ start }) => start <= moment)
      .map((each) => ({ ...each, end: each.end !== null && each.end <= moment ? each.end : null }));
  const ends = happenings.flatMap(({ end }) => end ?? []).sort((a, b) => a - b);
  const moment = ends.find((end) => !isLinearizable(by(end))) as number;
  const last = happenings.find(({ end }) => end === moment) as Happening;
  const latest = by(moment).slice(-LISTED).map(inWords).join(', ');
  return `an order of the calls on '${key}' that explains ${inWords(last)} among ${latest}`;
}

function inWords({ kind, input, start, end, result }: Happening): string {
  // `null` stands for a miss.
  const outcome = end === null ? ' → pending' : kind === 'set' ? '' : ` → ${show(result ?? undefined)}`;
  return `${kind}${input === undefined ? '' : ` ${show(input)}`}${outcome} (${start} to ${end ?? 'later'})`;
}

/** Whether the history of one key, initially absent, is linearizable. */
export function isLinearizable(happenings: readonly Happening[]): boolean {
  const ordered = [...happenings].sort((a, b) => a.start - b.start);
  const tried = new Set<string>();
  const stack: { readonly done: ReadonlySet<number>; readonly from: number; readonly state: State }[] = [
    { done: new Set(), from: 0, state: null },
  ];
  for (;;) {
    const node = stack.pop();
    if (node === undefined) return false;
    const { done, state } = node;
    let { from } = node;
    // All operations before `from` are done; of the later ones, only those done early are remembered.
    while (done.has(from)) from += 1;
    const beyond = [...done].filter((index) => index > from);
    const mark = `${from}|${beyond.sort((a, b) => a - b).join(',')}|${typeof state}${String(state)}`;
    if (tried.has(mark)) continue;
    tried.add(mark);
    const open = ordered
      .map((_, index) => index)
      .slice(from)
      .filter((index) => !done.has(index));
    const due = open.filter((index) => ordered[index]?.end !== null);
    if (due.length === 0) return true;
    // An operation that started after another ended cannot precede it.
    const deadline = Math.min(...due.map((index) => ordered[index]?.end as number));
    for (const index of open) {
      const happening = ordered[index] as Happening;
      if (happening.start > deadline) break;
      const outcome = step(happening, state);
      if (outcome === undefined || (happening.end !== null && outcome.result !== happening.result)) continue;
      stack.push({ done: new Set([...beyond, index]), from, state: outcome.next });
    }
  }
}
