import { setTimeout as sleep } from 'node:timers/promises';
import { createCache } from '../../src/cache.ts';
import { make, type Recipe } from '../support/recipe.ts';

// One of several processes that all ask for the same missing key at once. Prints how often its loader was called.
const { recipe, processes, callers } = JSON.parse(process.argv[2] ?? '') as {
  readonly recipe: Recipe;
  readonly processes: number;
  readonly callers: number;
};
const backend = await make(recipe);
const cache = createCache(backend, { ttl: 60, leaseTtl: 30 });

let loads = 0;
async function load(): Promise<{ by: number }> {
  loads += 1;
  await sleep(200);
  return { by: process.pid };
}

/** Waits for all processes: they need more time to start than to load. */
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
