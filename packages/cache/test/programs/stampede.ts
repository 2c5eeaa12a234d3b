import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheBackend } from '@ninefold/core';
import { createCache } from '../../src/cache.ts';
import type { Recipe } from '../support/labs.ts';

// One of several processes that all ask for the same missing key at once. Prints how often its loader was called.
const { recipe, processes, callers } = JSON.parse(process.argv[2] ?? '') as {
  readonly recipe: Recipe;
  readonly processes: number;
  readonly callers: number;
};
const module = (await import(recipe.module)) as Record<string, (options: object) => CacheBackend>;
const backend = (module[recipe.factory] as (options: object) => CacheBackend)(recipe.options);
const cache = createCache(backend, { ttl: 60, leaseTtl: 30 });

let loads = 0;
async function load(): Promise<{ by: number }> {
  loads += 1;
  await sleep(200);
  return { by: process.pid };
}

/** Waits until all processes are here: they need more time to start than to load. */
async function meet(place: string): Promise<void> {
  await backend.incr(place);
  while ((await backend.getValue<number>(place)) !== processes) await sleep(2);
}

await meet('start');
const values = await Promise.all(Array.from({ length: callers }, () => cache.getOrSet('k', load, { tags: ['t'] })));
await meet('invalidated');
if (values.some(({ by }) => by !== values[0]?.by)) throw new Error('callers got values of several loads');
process.stdout.write(JSON.stringify({ loads, by: values[0]?.by }));
await cache.close();
