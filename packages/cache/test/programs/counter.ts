import { setImmediate as turn } from 'node:timers/promises';
import { scoped } from '@ninefold/core';
import { createCache } from '../../src/cache.ts';
import { make, type Recipe } from '../support/recipe.ts';

// One of several processes that all count in the same new namespaces at once, one namespace after another.
const { recipe, processes, namespaces } = JSON.parse(process.argv[2] ?? '') as {
  readonly recipe: Recipe;
  readonly processes: number;
  readonly namespaces: readonly string[];
};
const backend = await make(recipe);

/** Polls without a pause until all processes are here, so that they begin within a round trip. */
async function meet(place: string): Promise<void> {
  await backend.incr(place);
  while ((await backend.getValue<number>(place)) !== processes) await turn();
}

for (const namespace of namespaces) {
  const cache = createCache(scoped(backend, namespace));
  await meet(namespace);
  await cache.incr('n');
}
await backend.close();
