import { constants, type NodeGCPerformanceDetail, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { createBackend, type Found } from '@ninefold/core';
// Imported by path: the package depends on this one, and turbo cannot build a cycle of packages.
import { CoalescedReads } from '../../../packages/redis/src/coalesced-reads.ts';

// Run with --expose-gc. Prints the number of full garbage collections during many concurrent calls, alone and coalesced: the
// garbage of a call should not survive a minor collection. Replies come a turn of the event loop later and from no server,
// because V8 also collects while it waits for one.
const ROUNDS = 4000;
const TEXT = '{"json":"a value"}';
const keys = Array.from({ length: 64 }, (_, index) => `k${index}`);
const collect = (globalThis as { gc?: () => void }).gc as () => void;
let full = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { kind } = (entry as unknown as { readonly detail: NodeGCPerformanceDetail }).detail;
    if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) full += 1;
  }
}).observe({ entryTypes: ['gc'] });

async function collectionsOf(call: (key: string) => Promise<unknown>): Promise<number> {
  for (let round = 0; round < ROUNDS / 4; round++) await Promise.all(keys.map(call));
  // Moves the structures that hold calls in flight to the old generation, as in a process that has run for a while.
  const inFlight = Promise.all(keys.map(call));
  for (let time = 0; time < 3; time++) collect();
  await inFlight;
  await sleep(50);
  full = 0;
  for (let round = 0; round < ROUNDS; round++) await Promise.all(keys.map(call));
  await sleep(50);
  return full;
}

function later<T>(answer: T): Promise<T> {
  return new Promise((resolve) => setImmediate(resolve, answer));
}

const alone = createBackend(
  {
    name: 'later',
    capabilities: { shared: false, atomicIncr: false, ttlGranularity: 1, maxValueBytes: undefined },
    get: () => later(TEXT),
    getMany: (of) => of.map(() => undefined),
    setMany: () => undefined,
    exists: () => false,
    deleteMany: () => 0,
    incr: () => 0,
    close: () => undefined,
  },
  { timeoutMs: 60_000 },
);
const coalesced = new CoalescedReads({
  get: () => later<Found>(TEXT),
  getMany: (of) => later(of.map((): Found => TEXT)),
});
const call = { deadline: Number.POSITIVE_INFINITY, ended: false, sent: false, signal: new AbortController().signal };
console.log(
  JSON.stringify({
    alone: await collectionsOf((key) => alone.getValue(key)),
    coalesced: await collectionsOf((key) => coalesced.get(key, call)),
  }),
);
