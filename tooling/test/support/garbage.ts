import { constants, type NodeGCPerformanceDetail, PerformanceObserver } from 'node:perf_hooks';
import { createBackend } from '@ninefold/core';
// By its file: the package depends on this one, and a cycle of packages cannot be built.
import { redisBackend } from '../../../packages/redis/src/redis.ts';
import { startRedis } from '../../servers/redis.ts';

// Prints how many full collections many calls at once have made necessary, for a driver that answers a turn later and for
// Redis: what a call leaves behind should not outlive a quick one.
const ROUNDS = 3000;
const keys = Array.from({ length: 64 }, (_, index) => `k${index}`);
let full = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { kind } = (entry as unknown as { readonly detail: NodeGCPerformanceDetail }).detail;
    if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) full += 1;
  }
}).observe({ entryTypes: ['gc'] });

async function collectionsOf(call: (key: string) => Promise<unknown>): Promise<number> {
  // The first rounds compile, and promote what stays.
  for (let round = 0; round < ROUNDS / 3; round++) await Promise.all(keys.map(call));
  await new Promise((resolve) => setTimeout(resolve, 50));
  full = 0;
  for (let round = 0; round < ROUNDS; round++) await Promise.all(keys.map(call));
  await new Promise((resolve) => setTimeout(resolve, 50));
  return full;
}

const later = createBackend(
  {
    name: 'later',
    capabilities: { shared: false, atomicIncr: false, ttlGranularity: 1, maxValueBytes: undefined },
    get: () => new Promise((resolve) => setImmediate(resolve, '{"json":"a value"}')),
    getMany: (of) => of.map(() => undefined),
    setMany: () => undefined,
    exists: () => false,
    deleteMany: () => 0,
    incr: () => 0,
    close: () => undefined,
  },
  { timeoutMs: 60_000 },
);
const server = await startRedis();
const redis = redisBackend({ url: `redis://${server.host}:${server.port}`, timeoutMs: 60_000 });
await redis.multiSetValues(keys.map((key) => [key, 'a value']));
console.log(
  JSON.stringify({
    later: await collectionsOf((key) => later.getValue(key)),
    redis: await collectionsOf((key) => redis.getValue(key)),
  }),
);
await redis.close();
await server.stop();
