import { memoryBackend } from '@ninefold/memory';
// Imported by path: the package depends on this one, and turbo cannot build a cycle of packages.
import { createCache } from '../../packages/cache/src/cache.ts';
import { epochName, GENERATION } from '../../packages/cache/src/fence.ts';
import { page, row } from './support/data.ts';
import { bench, repeat, type Work } from './support/harness.ts';

const KEYS = 1000;
const CALLERS = 50;
const keys = Array.from({ length: KEYS }, (_, index) => `user:${index}`);
const hundred = keys.slice(0, 100);
const tags = ['users'];
const backend = memoryBackend();
const cached = memoryBackend();
const cache = createCache(cached);
const tagged = createCache(memoryBackend());
for (const key of keys) {
  await backend.setValue(key, row);
  await cache.set(key, row);
  await tagged.set(key, row, { tags });
}
/** A hit reads the counters as well. Their share of the time falls as the value grows. */
const sizes = { '100 bytes': 'x'.repeat(100), '1 KB': Array.from({ length: 5 }, () => row), '10 KB': page };
for (const [size, value] of Object.entries(sizes)) {
  await backend.setValue(size, value);
  await cache.set(size, value);
}

const absent = (): never => {
  throw new Error('a hit must not load');
};

function perKey(work: (key: string) => Promise<unknown>): Work {
  return async (times) => {
    for (let time = 0; time < times; time++) await work(keys[time % KEYS] as string);
  };
}

function together(work: () => Promise<unknown>): Work {
  return repeat(() => Promise.all(Array.from({ length: CALLERS }, work)));
}

let missing = 0;
/** Callers of a new key, whose loader returns at once. */
const stampede = repeat(async () => {
  const key = `missing:${missing++}`;
  await Promise.all(Array.from({ length: CALLERS }, () => cache.getOrSet(key, () => row, { ttl: 1 })));
});

const getValue = perKey((key) => backend.getValue(key));

await bench('Cache: on memory, 10 fields, against the backend alone', [
  {
    name: 'getOrSet, a hit : getValue',
    baseline: getValue,
    ours: perKey((key) => cache.getOrSet(key, absent)),
    atMost: 1.6,
  },
  {
    // The reads of a hit alone, without checks, comparison and events.
    name: 'the three reads of a hit, as a batch : getValue',
    baseline: getValue,
    ours: perKey((key) => cached.multiGetValues([GENERATION, epochName(key), key])),
  },
  ...Object.keys(sizes).map((size) => ({
    name: `getOrSet, a hit of ${size} : getValue`,
    baseline: repeat(() => backend.getValue(size)),
    ours: repeat(() => cache.getOrSet(size, absent)),
  })),
  {
    name: 'getOrSet, a hit with a tag : getValue',
    baseline: getValue,
    ours: perKey((key) => tagged.getOrSet(key, absent, { tags })),
  },
  {
    name: 'getMany of 100 : multiGetValues',
    baseline: repeat(() => backend.multiGetValues(hundred)),
    ours: repeat(() => cache.getMany(hundred)),
  },
  {
    name: `${CALLERS} callers of a missing key : getValue`,
    baseline: together(() => backend.getValue('user:0')),
    ours: stampede,
  },
]);
