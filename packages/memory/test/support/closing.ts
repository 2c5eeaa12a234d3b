// Prints the heap bytes of a full backend, and of a closed one that is still referenced.
import { memoryBackend } from '@ninefold/memory';

function heapUsed(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

const cache = memoryBackend();
await cache.setValue('warm', ['up']);
const before = heapUsed();
await cache.multiSetValues(
  Array.from({ length: 100_000 }, (_, index) => [`key ${index}`, `value ${index} ${'x'.repeat(90)}`]),
);
const taken = heapUsed() - before;
await cache.close();
const kept = heapUsed() - before;
process.stdout.write(JSON.stringify({ taken, kept, entries: cache.stats().entries }));
