import { reasonFor } from '../reasons.ts';
import type { ContestResult, Goal, SectionResult, Standing, SubjectResult } from './results.ts';

/** Lacking these, a peer still does the same work: the contests with Dates and Maps leave out peers that cannot keep them. */
const BESIDE_THE_WORK = new Set(['Dates and Maps']);
/** "Within 10 % of the first". */
const NEAR = 1.1;
const UNDECIDED = 'No measurable difference: the interval contains 1.';

export interface Target extends Goal {
  readonly id: string;
  readonly met: boolean;
  /** Why the target is missed, if that is known. */
  readonly reason: string | undefined;
}

export interface Place {
  readonly id: string;
  readonly contest: ContestResult;
  /** The fastest peer that does the same work. */
  readonly rival: Standing;
  readonly place: 'first' | 'near' | 'behind';
  readonly reason: string | undefined;
}

export function doesTheSame({ role, lacks }: Standing): boolean {
  return role === 'peer' && lacks.every((lack) => BESIDE_THE_WORK.has(lack));
}

/** The fastest peer that does the same work as ours. */
export function rivalOf({ standings }: ContestResult): Standing | undefined {
  return standings.filter(doesTheSame).sort((a, b) => a.us.median - b.us.median)[0];
}

export function targetsOf(subjects: readonly SubjectResult[]): Target[] {
  return everySection(subjects).flatMap((section) => {
    const { title, contests = [], goals = [] } = section;
    const ratios = contests.flatMap(({ name, atMost, standings }): Goal[] => {
      const raw = standings.find(({ role }) => role === 'raw');
      return atMost === undefined || raw === undefined ? [] : [{ name, atMost, measured: raw.ratio.median }];
    });
    return [...ratios, ...goals].map((goal): Target => {
      const id = `${title}: ${goal.name}`;
      return { ...goal, id, met: goal.measured <= goal.atMost, reason: reasonFor(id) };
    });
  });
}

export function placesOf(subjects: readonly SubjectResult[]): Place[] {
  return everySection(subjects).flatMap(({ title, contests = [] }) =>
    contests.flatMap((contest): Place[] => {
      const rival = rivalOf(contest);
      if (rival === undefined) return [];
      const { median, low } = rival.ratio;
      const id = `${title}: ${contest.name}`;
      const place = median <= 1 ? 'first' : median <= NEAR ? 'near' : 'behind';
      return [{ id, contest, rival, place, reason: low <= 1 ? UNDECIDED : reasonFor(id, rival.name) }];
    }),
  );
}

function everySection(subjects: readonly SubjectResult[]): SectionResult[] {
  return subjects.flatMap(({ sections }) => sections);
}
