import { setTimeout as sleep } from 'node:timers/promises';
import { createCache, isCacheError } from '../../src/cache.ts';
import { make } from '../support/recipe.ts';
import { groups, type Task, Truth } from '../support/truth.ts';
import { withoutBumps } from '../support/wrong-backends.ts';

// Raises the versions of keys, then deletes, invalidates or sets them in the cache, and records each acknowledgement.
const { recipe, truth: truthRecipe, milliseconds, wrong = false } = JSON.parse(process.argv[2] ?? '') as Task;
const truth = new Truth(await make(truthRecipe));
const backend = await make(recipe);
const cache = createCache(wrong ? withoutBumps('!e:')(backend) : backend, { ttl: 30 });
let done = 0;

type Change = (tag: string, versions: ReadonlyMap<string, number>) => Promise<void>;

const one: Change = (_tag, versions) => cache.delete([...versions.keys()][0] as string);
const set: Change = (tag, versions) =>
  cache.setMany(
    Array.from(versions, ([key, version]) => [key, { version, by: process.pid }] as const),
    { tags: [tag] },
  );
const many: Change = (_tag, versions) => cache.deleteMany([...versions.keys()]);
const tagged: Change = (tag) => cache.invalidateTags(tag);

// Each group has a single writer: two that set at once would have no order.
async function change(tag: string, keys: readonly string[]): Promise<void> {
  for (const [how, few] of [
    [one, true],
    [set, true],
    [many, false],
    [tagged, false],
    [set, false],
  ] as const) {
    const chosen = few ? [keys[Math.floor(keys.length * Math.random())] as string] : keys;
    const versions = new Map<string, number>();
    for (const key of chosen) versions.set(key, await truth.renew(key));
    try {
      await how(tag, versions);
      done += 1;
      await truth.outdate(versions);
    } catch (error) {
      if (!isCacheError(error) || !error.retryable) throw error;
    }
    await sleep(20 * Math.random());
  }
}

await Promise.all(
  Array.from(groups, async ([tag, keys]) => {
    while (performance.now() < milliseconds) await change(tag, keys);
  }),
);
await Promise.all([cache.close(), truth.close()]);
process.stdout.write(JSON.stringify({ done }));
