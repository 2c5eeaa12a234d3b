import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { pending } from '../support/pending.ts';
import type { Contestant } from './contestants.ts';

/** Two processes of one contestant on a server that can fail. */
interface Stage {
  readonly one: Contestant;
  readonly other: Contestant;
  readonly proxy: FaultProxy;
}

/** Plays a scenario; `yes`, or what went wrong in a few words. */
export type Scenario = (stage: Stage) => Promise<string>;

const CALLERS = 50;
/** Long enough for every load that will begin to have begun. */
const HESITATION_MS = 500;

/** A load of an old value in flight, which `finish` ends. */
async function begin(call: (load: () => Promise<unknown>) => Promise<unknown>) {
  const slow = pending<void>();
  const begun = pending<void>();
  const result = call(async () => {
    begun.resolve();
    await slow.promise;
    return 'old';
  });
  // A client may fail before there is anything to load.
  await Promise.race([begun.promise, result]);
  return {
    finish: async (): Promise<unknown> => {
      slow.resolve();
      return await result;
    },
  };
}

async function countLoads(caches: readonly Contestant[]): Promise<string> {
  let loads = 0;
  const load = async (): Promise<string> => {
    loads += 1;
    await sleep(HESITATION_MS);
    return 'value';
  };
  await Promise.all(caches.flatMap((cache) => Array.from({ length: CALLERS }, () => cache.getOrSet('stampede', load))));
  return loads === 1 ? 'yes' : `${loads} loads`;
}

/** Whether the next caller still gets `old`, which was outdated while it was loaded. */
async function nextValue(cache: Contestant, key: string): Promise<string> {
  const value = await cache.getOrSet(key, async () => 'new');
  return value === 'old' ? 'the old value stays' : 'yes';
}

async function deletedDuringLoad(loader: Contestant, deleter: Contestant, key: string): Promise<string> {
  const load = await begin((work) => loader.getOrSet(key, work));
  await deleter.delete(key);
  await load.finish();
  return await nextValue(loader, key);
}

async function invalidatedDuringLoad({ one, other }: Stage, key: string, aheadMs: number): Promise<string> {
  const { getOrSetTagged } = one;
  const { invalidateTag } = other;
  if (getOrSetTagged === undefined || invalidateTag === undefined) return 'loads have no tags';
  const trueNow = Date.now;
  const load = await begin((work) => getOrSetTagged(`tagged${key}`, work));
  // The clock of the loading process, while it writes.
  Date.now = () => trueNow() + aheadMs;
  try {
    if (aheadMs === 0) {
      await invalidateTag();
      // Within one millisecond, a cache that compares timestamps may be right by chance.
      await sleep(HESITATION_MS);
    }
    await load.finish();
  } finally {
    Date.now = trueNow;
  }
  if (aheadMs > 0) await invalidateTag();
  const value = await getOrSetTagged(`tagged${key}`, async () => 'new');
  return value === 'old' ? 'the old value stays' : 'yes';
}

/** It sets the clock, so it is played alone. */
export const CLOCK_BEHIND = 'a tag invalidated by a process whose clock is a minute behind';

export const scenarios: Readonly<Record<string, Scenario>> = {
  [`${CALLERS} callers of a missing key in one process: one load`]: ({ one }) => countLoads([one]),

  [`${CALLERS} callers in each of two processes: one load`]: ({ one, other }) => countLoads([one, other]),

  'a delete during a load: the old value is not cached': ({ one }) => deletedDuringLoad(one, one, 'deleted'),

  'the same, deleted by another process': ({ one, other }) => deletedDuringLoad(one, other, 'deleted by another'),

  'a tag invalidated during a load: the old value is not cached': (stage) => invalidatedDuringLoad(stage, 'during', 0),

  [CLOCK_BEHIND]: (stage) => invalidatedDuringLoad(stage, 'ahead', 60_000),

  'a set during a load: the older value does not replace it': async ({ one, other }) => {
    const load = await begin((work) => one.getOrSet('set', work));
    await other.set('set', 'newer');
    await load.finish();
    return await nextValue(one, 'set');
  },

  'a caller that comes after the delete does not get the load begun before': async ({ one }) => {
    const load = await begin((work) => one.getOrSet('late', work));
    await one.delete('late');
    const begun = pending<void>();
    const late = one.getOrSet('late', async () => {
      begun.resolve();
      return 'new';
    });
    await Promise.race([begun.promise, late, sleep(HESITATION_MS)]);
    await load.finish();
    return (await late) === 'old' ? 'it gets the old value' : 'yes';
  },

  [`the loader’s error reaches all of ${CALLERS} callers, and the loader is called once`]: async ({ one }) => {
    let loads = 0;
    const load = async (): Promise<never> => {
      loads += 1;
      await sleep(20);
      throw new RangeError('of the loader');
    };
    const outcomes = await Promise.allSettled(Array.from({ length: CALLERS }, () => one.getOrSet('error', load)));
    if (outcomes.some(({ status }) => status === 'fulfilled')) return 'it is swallowed';
    return loads === 1 ? 'yes' : `${loads} calls`;
  },

  'a stored value of yesterday’s shape is loaded anew': async ({ one }) => {
    if (one.getOrSetTyped === undefined) return 'values have no type';
    await one.set('shape', { m: 'old' });
    const value = await one.getOrSetTyped('shape', async () => ({ n: 1 }));
    return JSON.stringify(value) === '{"n":1}' ? 'yes' : 'the old value is served';
  },

  'with the server down, the caller gets the loaded value, and the loader is called once': async ({ one, proxy }) => {
    await proxy.set({ kind: 'refuse' });
    let loads = 0;
    const load = async (): Promise<string> => {
      loads += 1;
      await sleep(HESITATION_MS);
      return 'value';
    };
    try {
      const values = await Promise.all(Array.from({ length: CALLERS }, () => one.getOrSet('down', load)));
      if (values.some((value) => value !== 'value')) return 'another value';
      return loads === 1 ? 'yes' : `${loads} calls`;
    } catch {
      return 'the caller gets an error';
    } finally {
      await proxy.set(undefined);
    }
  },

  'with the server down, a delete rejects': async ({ one, proxy }) => {
    await proxy.set({ kind: 'refuse' });
    try {
      await one.delete('down');
      return 'it seems done';
    } catch {
      return 'yes';
    } finally {
      await proxy.set(undefined);
    }
  },
};
