import type { CacheBackend } from '@ninefold/core';
import { createCache } from '../../src/cache.ts';
import type { Recipe } from '../support/labs.ts';

// Says that it loads, and is killed while it does.
const { recipe } = JSON.parse(process.argv[2] ?? '') as { readonly recipe: Recipe };
const module = (await import(recipe.module)) as Record<string, (options: object) => CacheBackend>;
const backend = (module[recipe.factory] as (options: object) => CacheBackend)(recipe.options);
const forLong = setInterval(() => undefined, 60_000);
await createCache(backend, { leaseTtl: 2 }).getOrSet('k', () => {
  process.stdout.write('loading');
  return new Promise(() => undefined);
});
clearInterval(forLong);
