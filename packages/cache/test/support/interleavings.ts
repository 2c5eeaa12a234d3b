import type { CacheBackend } from '@ninefold/core';
import fc from 'fast-check';
import type { CacheOptions } from '../../src/cache.ts';
import { type Process, World } from './world.ts';

const KEYS = ['a', 'b'] as const;
const TAGS: Readonly<Record<string, readonly string[]>> = { a: ['t', 'u'], b: ['u'] };
const PROCESSES = 2;

const key = fc.constantFrom('a', 'a', 'b');
const deed = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('getOrSet' as const), key, named: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('get' as const, 'set' as const), key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('invalidate' as const), tag: fc.constantFrom('t', 'u') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('getOrSetMany' as const, 'clear' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('evict' as const), what: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
);
type Deed = typeof deed extends fc.Arbitrary<infer D> ? D : never;

/** What one caller does, one thing after another. */
const caller = fc.record({ at: fc.nat(PROCESSES - 1), deeds: fc.array(deed, { minLength: 1, maxLength: 4 }) });
type Caller = { readonly at: number; readonly deeds: readonly Deed[] };

/** Every name there can be in the backend, but for counters of `incr`. */
const NAMES = ['g', 't:t', 't:u', ...KEYS.flatMap((name) => [`v:${name}`, `e:${name}`, `l:${name}`])];

async function act(world: World, process: Process, done: Deed): Promise<void> {
  const { cache } = process;
  switch (done.kind) {
    case 'getOrSet': {
      const tags = (done.named && TAGS[done.key]) || [];
      const load = world.loader(process, done.key, tags);
      return await world.read(done.key, () => cache.getOrSet(done.key, load, { tags }));
    }
    case 'getOrSetMany':
      return await world.readMany(KEYS, () =>
        cache.getOrSetMany(KEYS, (keys) => Promise.all(keys.map((one) => world.loader(process, one, ['t', 'u'])())), {
          tags: ['t', 'u'],
        }),
      );
    case 'get':
      return await world.read(done.key, () => cache.get(done.key));
    case 'set':
      return await world.set(cache, done.key, TAGS[done.key] ?? []);
    case 'delete':
      return await world.kill(
        (making) => making.key === done.key,
        () => cache.delete(done.key),
      );
    case 'invalidate':
      return await world.kill(
        (making) => making.tags.includes(done.tag),
        () => cache.invalidateTags(done.tag),
      );
    case 'clear':
      return await world.kill(
        () => true,
        () => cache.clear(),
      );
    case 'evict':
      return void (await world.shared.delete(NAMES[done.what % NAMES.length] as string));
    case 'crash':
      return process.crash();
  }
}

export interface Trial {
  readonly runs: number;
  readonly seed?: number | undefined;
  readonly options?: CacheOptions | undefined;
  /** What the callers do; by default anything. */
  readonly callers?: readonly Caller[] | undefined;
  /** A backend that is wrong in a way that the check has to notice. */
  readonly wrong?: ((backend: CacheBackend) => CacheBackend) | undefined;
}

/** Searches interleavings of what callers in several processes do for one that serves what is dead, and tells of it. */
export async function searchInterleavings({ runs, seed, options, callers, wrong }: Trial): Promise<string | undefined> {
  const property = fc.asyncProperty(
    fc.scheduler(),
    callers === undefined ? fc.array<Caller>(caller, { minLength: 2, maxLength: 6 }) : fc.constant(callers),
    async (scheduler, program) => {
      const world = new World(scheduler, wrong);
      const processes = Array.from({ length: PROCESSES }, () => world.process(options));
      const run = async ({ at, deeds }: Caller): Promise<void> => {
        const process = processes[at] as Process;
        for (const done of deeds) {
          await world.step('next', process);
          await act(world, process, done);
        }
      };
      const ended = program.map((one) => Promise.race([run(one), processes[one.at]?.died]));
      await scheduler.waitFor(Promise.all(ended));
      const stale = world.stale();
      if (stale !== undefined) throw new Error(stale);
    },
  );
  const details = await fc.check(property, { numRuns: runs, ...(seed === undefined ? {} : { seed }) });
  return details.failed ? `${details.errorInstance}\n${fc.defaultReportMessage(details)}` : undefined;
}
