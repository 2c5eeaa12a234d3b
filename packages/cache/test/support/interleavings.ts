import { type CacheBackend, isCacheError } from '@ninefold/core';
import { memoryBackend } from '@ninefold/memory';
import fc from 'fast-check';
import type { CacheOptions } from '../../src/cache.ts';
import { type Place, type Process, World } from './world.ts';

const KEYS = ['a', 'b'] as const;
const TAGS: Readonly<Record<string, readonly string[]>> = { a: ['t', 'u'], b: ['u'] };
const PROCESSES = 2;

const key = fc.constantFrom('a', 'a', 'b');
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('getOrSet' as const), key, named: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('get' as const, 'set' as const), key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('invalidate' as const), tag: fc.constantFrom('t', 'u') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('getOrSetMany' as const, 'clear' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('evict' as const), what: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
);
type Action = typeof action extends fc.Arbitrary<infer D> ? D : never;

/** The actions of one caller, in order. */
const caller = fc.record({ at: fc.nat(PROCESSES - 1), actions: fc.array(action, { minLength: 1, maxLength: 4 }) });
export type Caller = { readonly at: number; readonly actions: readonly Action[] };

export const programs = fc.array<Caller>(caller, { minLength: 2, maxLength: 6 });

/** Every name there can be in the backend, except counters of `incr`. */
const NAMES = ['!g', '!t:t', '!t:u', ...KEYS.flatMap((name) => [name, `!e:${name}`, `!l:${name}`])];

async function perform(world: World, process: Process, action: Action): Promise<void> {
  const { cache } = process;
  switch (action.kind) {
    case 'getOrSet': {
      const tags = (action.named && TAGS[action.key]) || [];
      const load = world.loader(process, action.key, tags);
      return await world.read(action.key, () => cache.getOrSet(action.key, load, { tags }));
    }
    case 'getOrSetMany':
      return await world.readMany(KEYS, () =>
        cache.getOrSetMany(KEYS, (keys) => Promise.all(keys.map((one) => world.loader(process, one, ['t', 'u'])())), {
          tags: ['t', 'u'],
        }),
      );
    case 'get':
      return await world.read(action.key, () => cache.get(action.key));
    case 'set':
      return await world.set(cache, action.key, TAGS[action.key] ?? []);
    case 'delete':
      return await world.invalidate(
        (write) => write.key === action.key,
        () => cache.delete(action.key),
      );
    case 'invalidate':
      return await world.invalidate(
        (write) => write.tags.includes(action.tag),
        () => cache.invalidateTags(action.tag),
      );
    case 'clear':
      return await world.invalidate(
        () => true,
        () => cache.clear(),
      );
    case 'evict':
      return void (await world.backend.delete(NAMES[action.what % NAMES.length] as string));
    case 'crash':
      return process.crash();
  }
}

/** What was refused promises nothing. */
function tolerateRefusal(error: unknown): void {
  if (!isCacheError(error) || error.code !== 'BACKEND') throw error;
}

/** Runs the callers' actions in several processes. Resolves the first stale read, or `undefined`. */
export async function play(
  place: Place,
  callers: readonly Caller[],
  waitFor: (all: Promise<unknown>) => Promise<unknown> = (all) => all,
): Promise<string | undefined> {
  const world = new World(place);
  const processes = Array.from({ length: PROCESSES }, () => world.process());
  const run = async ({ at, actions }: Caller): Promise<void> => {
    const process = processes[at] as Process;
    for (const action of actions) {
      await world.step('next', process);
      await perform(world, process, action).catch(tolerateRefusal);
    }
  };
  await waitFor(Promise.all(callers.map((one) => Promise.race([run(one), processes[one.at]?.died]))));
  return world.stale();
}

export interface Trial {
  readonly runs: number;
  readonly seed?: number | undefined;
  readonly options?: CacheOptions | undefined;
  /** The callers and their actions; by default random ones. */
  readonly callers?: readonly Caller[] | undefined;
  /** Changes the backend, as by a fault that the search must find. */
  readonly wrong?: ((backend: CacheBackend) => CacheBackend) | undefined;
}

/** Seconds; short, so that a dead holder is replaced within few steps. */
const LEASE_TTL = 0.3;

/** A place where a scheduler decides which process goes on, and time passes only while one waits. */
export function placeUnder(scheduler: fc.Scheduler, options: CacheOptions = {}, wrong?: Trial['wrong']): Place {
  let time = 0;
  const memory = memoryBackend({ now: () => time });
  const backend = wrong === undefined ? memory : wrong(memory);
  const turn = (label: string): Promise<void> => scheduler.schedule(Promise.resolve(), label);
  const wait = async (milliseconds: number): Promise<void> => {
    await turn('pause');
    time += milliseconds;
  };
  return {
    create: () => backend,
    turn,
    options: { leaseTtl: LEASE_TTL, clock: { now: () => time, wait }, ...options },
  };
}

/** Searches interleavings of callers in several processes for one with a stale read. Resolves its report. */
export async function searchInterleavings({ runs, seed, options, callers, wrong }: Trial): Promise<string | undefined> {
  const property = fc.asyncProperty(
    fc.scheduler(),
    callers === undefined ? programs : fc.constant(callers),
    async (scheduler, program) => {
      const place = placeUnder(scheduler, options, wrong);
      const stale = await play(place, program, (all) => scheduler.waitFor(all));
      if (stale !== undefined) throw new Error(stale);
    },
  );
  const details = await fc.check(property, { numRuns: runs, ...(seed === undefined ? {} : { seed }) });
  return details.failed ? `${details.errorInstance}\n${fc.defaultReportMessage(details)}` : undefined;
}
