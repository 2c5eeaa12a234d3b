import { memoryBackend } from '@ninefold/memory';
import { createCache } from '../../packages/cache/src/cache.ts';
import { row } from './support/data.ts';
import { bench, type Work } from './support/harness.ts';

const KEYS = 1000;
const keys = Array.from({ length: KEYS }, (_, index) => `user:${index}`);
const backend = memoryBackend();
const cache = createCache(memoryBackend());
for (const key of keys) {
  await backend.setValue(key, row);
  await cache.set(key, row);
}

const absent = (): never => {
  throw new Error('a hit loads nothing');
};

function perKey(work: (key: string) => Promise<unknown>): Work {
  return async (times) => {
    for (let time = 0; time < times; time++) await work(keys[time % KEYS] as string);
  };
}

const getValue = perKey((key) => backend.getValue(key));

await bench('Cache: on memory, 10 fields, against the backend alone', [
  {
    name: 'getOrSet, a hit : getValue',
    baseline: getValue,
    ours: perKey((key) => cache.getOrSet(key, absent)),
    atMost: 1.6,
  },
  { name: 'get, a hit : getValue', baseline: getValue, ours: perKey((key) => cache.get(key)) },
]);
