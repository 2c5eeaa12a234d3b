import type { Happening } from './history.ts';

/** What a key holds: `null` is nothing. Values of a history are numbers and strings. */
type State = unknown;

/** What an operation would answer in a state, and the state after it; `undefined` if it cannot happen there. */
function step(
  { kind, input }: Happening,
  state: State,
): { readonly answer: unknown; readonly next: State } | undefined {
  switch (kind) {
    case 'get':
      return { answer: state, next: state };
    case 'exists':
      return { answer: state !== null, next: state };
    case 'set':
      return { answer: null, next: input };
    case 'delete':
      return { answer: state === null ? 0 : 1, next: null };
    case 'incr': {
      if (state !== null && typeof state !== 'number') return undefined;
      const sum = ((state as number | null) ?? 0) + (input as number);
      return { answer: sum, next: sum };
    }
  }
}

/**
 * The first key whose history no order of its operations explains in which each takes effect between its call and its
 * end; `undefined` if there is none. What may have happened at any later time may do so, or never. The search is Wing and
 * Gong's (Testing and Verifying Concurrent Objects, 1993), with Lowe's memory of what was tried.
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

/** Of one key, which held nothing at first. */
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
    // All before `from` have happened; only what came early beyond it needs remembering.
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
    // Nothing that was called after another had ended may come before it.
    const deadline = Math.min(...due.map((index) => ordered[index]?.end as number));
    for (const index of open) {
      const happening = ordered[index] as Happening;
      if (happening.start > deadline) break;
      const outcome = step(happening, state);
      if (outcome === undefined || (happening.end !== null && outcome.answer !== happening.result)) continue;
      stack.push({ done: new Set([...beyond, index]), from, state: outcome.next });
    }
  }
}
