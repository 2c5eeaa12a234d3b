import { setTimeout as sleep } from 'node:timers/promises';
import { createCache, isCacheError } from '../../src/cache.ts';
import { make } from '../support/recipe.ts';
import { groups, type Task, Truth, type Version } from '../support/truth.ts';

// One of several processes that read and load while others delete and the server fails. Prints the stale values it got.
const { recipe, truth: truthRecipe, milliseconds } = JSON.parse(process.argv[2] ?? '') as Task;
const truth = new Truth(await make(truthRecipe));
let failures = 0;
const cache = createCache(await make(recipe), {
  ttl: 30,
  leaseTtl: 1,
  onError: () => {
    failures += 1;
  },
});
const FIBERS = 8;
const stale: string[] = [];
let [reads, loads] = [0, 0];

async function load(key: string): Promise<Version> {
  loads += 1;
  const version = await truth.version(key);
  await sleep(30 * Math.random());
  return { version, by: process.pid };
}

const ways: readonly ((keys: readonly string[], tags: readonly string[]) => Promise<(Version | undefined)[]>)[] = [
  (keys, tags) => Promise.all(keys.map((key) => cache.getOrSet(key, () => load(key), { tags }))),
  (keys, tags) => cache.getOrSetMany(keys, (missing) => Promise.all(missing.map(load)), { tags }),
  (keys, tags) => cache.getMany<Version>(keys, { tags }).catch(goneWithServer),
  (keys) => cache.getMany<Version>(keys).catch(goneWithServer),
];

function goneWithServer(error: unknown): [] {
  if (!isCacheError(error) || !error.retryable) throw error;
  return [];
}

async function read(): Promise<void> {
  for (const [tag, keys] of groups) {
    for (const way of ways) {
      const oldest = await truth.oldest(keys);
      const failed = failures;
      const values = await way(keys, [tag]);
      for (const [index, value] of values.entries()) {
        reads += 1;
        if (value === undefined || value.version >= (oldest[index] as number)) continue;
        // A call that the backend failed may share a load of the process that began before.
        if (value.by === process.pid && failures > failed) continue;
        stale.push(`version ${value.version} of ${keys[index]} where ${oldest[index]} was the oldest`);
      }
      await sleep(4 * Math.random());
    }
  }
}

await Promise.all(
  Array.from({ length: FIBERS }, async () => {
    while (performance.now() < milliseconds) await read();
  }),
);
await Promise.all([cache.close(), truth.close()]);
process.stdout.write(JSON.stringify({ reads, loads, stale }));
