import { memoryBackend } from '@ninefold/memory';
import { row } from './support/data.ts';
import { bench, repeat, type Work } from './support/harness.ts';

/** The smallest cache that copies values in and out. */
class AsyncMap {
  readonly #entries = new Map<string, string>();

  async get(key: string): Promise<unknown> {
    const text = this.#entries.get(key);
    return text === undefined ? undefined : JSON.parse(text);
  }

  async set(key: string, value: unknown): Promise<void> {
    this.#entries.set(key, JSON.stringify(value));
  }
}

const KEYS = 1000;
const keys = Array.from({ length: KEYS }, (_, index) => `user:${index}`);
const hundred = keys.slice(0, 100);
const map = new AsyncMap();
const cache = memoryBackend();
const expiring = memoryBackend();
for (const key of keys) {
  await map.set(key, row);
  await cache.setValue(key, row);
  await expiring.setValue(key, row, { ttl: 3600 });
}

function perKey(work: (key: string) => Promise<unknown>): Work {
  return async (times) => {
    for (let time = 0; time < times; time++) await work(keys[time % KEYS] as string);
  };
}

const get = perKey((key) => map.get(key));
const set = perKey((key) => map.set(key, row));

await bench('Memory: 10 fields, against an async Map of JSON text', [
  { name: 'getValue : get', baseline: get, ours: perKey((key) => cache.getValue(key)), atMost: 1.6 },
  { name: 'setValue : set', baseline: set, ours: perKey((key) => cache.setValue(key, row)), atMost: 1.8 },
  { name: 'getValue of an entry with TTL : get', baseline: get, ours: perKey((key) => expiring.getValue(key)) },
  {
    name: 'setValue with TTL : set',
    baseline: set,
    ours: perKey((key) => expiring.setValue(key, row, { ttl: 3600 })),
  },
  {
    name: 'multiGetValues of 100 : 100 × get',
    baseline: repeat(() => Promise.all(hundred.map((key) => map.get(key)))),
    ours: repeat(() => cache.multiGetValues(hundred)),
  },
  {
    name: 'multiSetValues of 100 : 100 × set',
    baseline: repeat(() => Promise.all(hundred.map((key) => map.set(key, row)))),
    ours: repeat(() => cache.multiSetValues(hundred.map((key) => [key, row]))),
  },
]);
