import { memoryBackend } from '@ninefold/memory';
// By its file: the package depends on this one, and a cycle of packages cannot be built.
import { createCache } from '../../packages/cache/src/cache.ts';
import { epochName, GENERATION } from '../../packages/cache/src/fence.ts';
import { page, row } from './support/data.ts';
import { bench, type Work } from './support/harness.ts';

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
/** A hit costs what reads its counters besides, so that of a large value it is nearly the read itself. */
const sizes = { '100 bytes': 'x'.repeat(100), '1 KB': Array.from({ length: 5 }, () => row), '9 KB': page };
for (const [size, value] of Object.entries(sizes)) {
  await backend.setValue(size, value);
  await cache.set(size, value);
}

const absent = (): never => {
  throw new Error('a hit loads nothing');
};

function perKey(work: (key: string) => Promise<unknown>): Work {
  return async (times) => {
    for (let time = 0; time < times; time++) await work(keys[time % KEYS] as string);
  };
}

function repeat(work: () => Promise<unknown>): Work {
  return async (times) => {
    for (let time = 0; time < times; time++) await work();
  };
}

function together(work: () => Promise<unknown>): Work {
  return repeat(() => Promise.all(Array.from({ length: CALLERS }, work)));
}

let missing = 0;
/** Callers of a key that nobody has asked for before, and whose load takes no time. */
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
    // What is left of a hit when nothing is checked, compared or told.
    name: 'what a hit reads, as a batch : getValue',
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
