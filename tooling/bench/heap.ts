import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { memoryBackend } from '@ninefold/memory';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { createCache } from 'cache-manager';
import { Cacheable } from 'cacheable';
import Keyv from 'keyv';
import { ManualCache } from 'layered-loader';
import { LRUCache } from 'lru-cache';
import { createStorage } from 'unstorage';
import { quick, report, reportVersions } from './support/results.ts';
import { fromSources } from './support/sources.ts';
import { estimate } from './support/statistics.ts';
import { packageVersions } from './support/versions.ts';

const ENTRIES = quick ? 100_000 : 1_000_000;
/** Processes per cache, interleaved. A few are enough, because bytes hardly differ between them. */
const REPEATS = quick ? 1 : 3;
const MAX_RATIO = 1.3;
const FLAT_MAP = 'Map of flat JSON strings';
const OURS = 'ninefold';

interface Candidate {
  /** The things that ours does and this cache does not. */
  readonly lacks: string;
  /** Creates an empty store and a function that adds one entry. */
  make(): { readonly store: object; set(key: string, value: object, ttl: number): unknown };
}

const candidates: Readonly<Record<string, Candidate>> = {
  [FLAT_MAP]: { lacks: 'TTL, bounds', make: () => mapOf((text) => text.charCodeAt(1)) },
  'Map of JSON strings from JSON.stringify': { lacks: 'TTL, bounds', make: () => mapOf(() => undefined) },
  'lru-cache of JSON strings': {
    lacks: '',
    make() {
      const store = new LRUCache<string, string>({ max: ENTRIES });
      return { store, set: (key, value, ttl) => store.set(key, JSON.stringify(value), { ttl: ttl * 1000 }) };
    },
  },
  [OURS]: {
    lacks: '',
    make() {
      const store = memoryBackend({ maxEntries: ENTRIES, maxBytes: Number.MAX_SAFE_INTEGER });
      return { store, set: (key, value, ttl) => store.setValue(key, value, { ttl }) };
    },
  },
  keyv: {
    lacks: 'bounds',
    make() {
      const store = new Keyv();
      return { store, set: (key, value, ttl) => store.set(key, value, ttl * 1000) };
    },
  },
  cacheable: {
    lacks: 'bounds, copies on writing',
    make() {
      const store = new Cacheable();
      return { store, set: (key, value, ttl) => store.set(key, value, ttl * 1000) };
    },
  },
  'cache-manager': {
    lacks: 'bounds, copies',
    make() {
      const store = createCache();
      return { store, set: (key, value, ttl) => store.set(key, value, ttl * 1000) };
    },
  },
  bentocache: {
    lacks: '',
    make() {
      const memory = bentostore().useL1Layer(memoryDriver({ maxItems: ENTRIES }));
      const store = new BentoCache({ default: 'memory', stores: { memory } });
      return { store, set: (key, value, ttl) => store.set({ key, value, ttl: ttl * 1000 }) };
    },
  },
  unstorage: {
    lacks: 'TTL, bounds',
    make() {
      const store = createStorage<object>();
      return { store, set: (key, value) => store.setItem(key, value) };
    },
  },
  'layered-loader': {
    lacks: 'a TTL for each entry, copies',
    make() {
      const inMemoryCache = { cacheId: 'heap', maxItems: ENTRIES, ttlInMsecs: 600_000 };
      const store = new ManualCache<object>({ inMemoryCache });
      return { store, set: (key, value) => store.set(key, value) };
    },
  },
};

function mapOf(touch: (text: string) => unknown): ReturnType<Candidate['make']> {
  const store = new Map<string, string>();
  return {
    store,
    set(key, value) {
      const text = JSON.stringify(value);
      // V8 may keep a string as a tree of pieces. Reading a character flattens it.
      touch(text);
      store.set(key, text);
    },
  };
}

/** A value of 97 bytes of JSON; its key has about 11. */
function rowOf(index: number): { readonly id: string; readonly name: string; readonly note: string } {
  return { id: String(index).padStart(8, '0'), name: 'Ada Lovelace', note: 'x'.repeat(48) };
}

interface Measured {
  readonly bytes: number;
  readonly perSecond: number;
}

/** Keeps the store alive until its heap is measured. */
let filled: object | undefined;

async function fill(name: string): Promise<Measured> {
  const collect = (globalThis as { gc?: () => void }).gc as () => void;
  const heap = (): number => {
    // Twice, because memory outside the heap is freed after the collection that found it unused.
    collect();
    collect();
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    return heapUsed + Math.max(external, arrayBuffers);
  };
  const before = heap();
  const { store, set } = (candidates[name] as Candidate).make();
  filled = store;
  const start = performance.now();
  for (let index = 0; index < ENTRIES; index++) await set(`user:${index}`, rowOf(index), 600 + (index % 600));
  const seconds = (performance.now() - start) / 1000;
  const bytes = (heap() - before) / ENTRIES;
  if (filled === undefined) throw new Error('nothing was measured');
  return { bytes, perSecond: ENTRIES / seconds };
}

function fillInProcess(name: string): Measured {
  const flags = ['--expose-gc', '--max-old-space-size=4096', ...fromSources];
  const args = [...flags, import.meta.filename, '--fill', name, ...(quick ? ['--quick'] : [])];
  const { status, stdout } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`${name} could not be filled`);
  return JSON.parse(stdout) as Measured;
}

function measureAll(): void {
  const names = Object.keys(candidates);
  const measured = new Map(names.map((name) => [name, [] as Measured[]]));
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    for (const name of names) measured.get(name)?.push(fillInProcess(name));
  }
  const median = (name: string, of: keyof Measured): number =>
    estimate((measured.get(name) ?? []).map((each) => each[of])).median;
  const base = median(FLAT_MAP, 'bytes');
  const rows = names.map((name) => {
    const bytes = median(name, 'bytes');
    const perSecond = Math.round(median(name, 'perSecond') / 1000) * 1000;
    return [
      name,
      Math.round(bytes),
      (bytes / base).toFixed(2),
      perSecond.toLocaleString('en'),
      candidates[name]?.lacks ?? '',
    ];
  });
  console.log(`\nheap per entry, ${ENTRIES.toLocaleString('en')} entries: Node ${process.version}`);
  for (const row of rows) console.log(`  ${row.join('  |  ')}`);
  reportVersions(
    packageVersions(['lru-cache', 'keyv', 'cacheable', 'cache-manager', 'bentocache', 'unstorage', 'layered-loader']),
  );
  report({
    title: 'Heap: 1,000,000 entries in memory',
    table: { head: ['', 'bytes per entry', `ratio to ${FLAT_MAP}`, 'entries stored per second', 'lacks'], rows },
    goals: [
      { name: `bytes per entry, ratio to ${FLAT_MAP}`, measured: median(OURS, 'bytes') / base, atMost: MAX_RATIO },
    ],
  });
}

const { values } = parseArgs({ options: { fill: { type: 'string' } }, strict: false });
if (typeof values.fill === 'string') console.log(JSON.stringify(await fill(values.fill)));
else measureAll();
