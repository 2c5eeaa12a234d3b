// Exits, although its entries would live for a minute to ten years.
import { memoryBackend } from '@ninefold/memory';

const cache = memoryBackend();
await cache.setValue('k', 'v', { ttl: 60 });
await cache.incr('n', 1, { ttl: 315_360_000 });
const closed = memoryBackend();
await closed.multiSetValues(
  Array.from({ length: 10_000 }, (_, index) => [`${index}`, index]),
  { ttl: 3600 },
);
const { entries } = closed.stats();
await closed.close();
process.stdout.write(`${await cache.getValue('k')} ${await cache.getValue('n')} ${entries}\n`);
