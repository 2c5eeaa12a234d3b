import { memoryBackend } from '@ninefold/memory';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createCache } from '../src/cache.ts';
import { placeUnder } from './support/interleavings.ts';
import { ManualClock } from './support/manual-clock.ts';
import { type Process, World } from './support/world.ts';

const { NINEFOLD_RUNS = '10000', NINEFOLD_SEED } = process.env;
const seed = NINEFOLD_SEED === undefined ? {} : { seed: Number(NINEFOLD_SEED) };

const action = fc.oneof(
  { weight: 6, arbitrary: fc.constant('incr' as const) },
  { weight: 2, arbitrary: fc.constantFrom('set' as const, 'delete' as const) },
  { weight: 1, arbitrary: fc.constant('crash' as const) },
);
const actions = fc.array(action, { minLength: 1, maxLength: 3 });

interface Count {
  begun: number;
  done: number;
}

async function perform(
  { cache, crash }: Process,
  action: 'incr' | 'set' | 'delete' | 'crash',
  count: Count,
): Promise<void> {
  if (action === 'set') return await cache.set('k', 'value');
  if (action === 'delete') return await cache.delete('another');
  if (action === 'crash') return crash();
  count.begun += 1;
  await cache.incr('n');
  count.done += 1;
}

it('loses no increment, however many processes create the generation and die meanwhile', async () => {
  const property = fc.asyncProperty(
    fc.scheduler(),
    fc.array(actions, { minLength: 3, maxLength: 5 }),
    fc.boolean(),
    async (scheduler, callers, cleared) => {
      // A lease so long that a process that has not gone on within it is dead.
      const place = placeUnder(scheduler, { leaseTtl: 60 });
      const world = new World(place);
      if (cleared) await scheduler.waitFor(world.process().cache.clear());
      const count = { begun: 0, done: 0 };
      const run = async (todo: (typeof callers)[number]): Promise<void> => {
        const process = world.process();
        const all = async (): Promise<void> => {
          for (const action of todo) await perform(process, action, count);
        };
        await Promise.race([all(), process.died]);
      };
      await scheduler.waitFor(Promise.all(callers.map(run)));
      const found = await scheduler.waitFor(world.process().cache.incr('n', 0));
      expect(found).toBeGreaterThanOrEqual(count.done);
      expect(found).toBeLessThanOrEqual(count.begun);
    },
  );
  await fc.assert(property, { numRuns: Number(NINEFOLD_RUNS), ...seed });
});

it('a delete removes the counter even while another process has added to the generation and not taken it back', async () => {
  const clock = new ManualClock();
  const backend = memoryBackend({ now: clock.now });
  const cache = createCache(backend, { clock });
  await cache.incr('n');
  await backend.incr('!g', 2 ** 40);
  const deleting = cache.delete('n');
  await clock.advance(100);
  await backend.incr('!g', -(2 ** 40));
  await clock.advance(200);
  await deleting;
  expect(await cache.incr('n')).toBe(1);
});

it('a generation that a dead process left unusable is replaced by one process, after the TTL of a lease', async () => {
  const clock = new ManualClock();
  const backend = memoryBackend({ now: clock.now });
  await backend.setValue('!g', 2 ** 41);
  const caches = Array.from({ length: 3 }, () => createCache(backend, { clock, leaseTtl: 2 }));
  const counts = caches.map((cache) => cache.incr('n'));
  await clock.advance(1900);
  expect(await backend.getValue('!g')).toBe(2 ** 41);
  await clock.advance(500);
  expect((await Promise.all(counts)).sort()).toEqual([1, 2, 3]);
  // The lease for it ends, too: the process that has it may die.
  await clock.advance(2000);
  expect(await backend.exists('!r')).toBe(false);
});

it('a generation that a dead process left unusable is left to the process that is already replacing it', async () => {
  const clock = new ManualClock();
  const backend = memoryBackend({ now: clock.now });
  await backend.setValue('!g', 2 ** 41);
  await backend.incr('!r', 1, { ttl: 3 });
  const count = createCache(backend, { clock, leaseTtl: 2 }).incr('n');
  await clock.advance(2900);
  expect(await backend.getValue('!g')).toBe(2 ** 41);
  await clock.advance(500);
  expect(await count).toBe(1);
});
