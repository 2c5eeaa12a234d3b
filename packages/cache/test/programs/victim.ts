import { createCache } from '../../src/cache.ts';
import { make, type Recipe } from '../support/recipe.ts';

// Prints that it is loading, and is killed during the load.
const { recipe } = JSON.parse(process.argv[2] ?? '') as { readonly recipe: Recipe };
const backend = await make(recipe);
const forLong = setInterval(() => undefined, 60_000);
await createCache(backend, { leaseTtl: 2 }).getOrSet('k', () => {
  process.stdout.write('loading');
  return new Promise(() => undefined);
});
clearInterval(forLong);
