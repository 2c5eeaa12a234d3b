import { isCacheError } from '@ninefold/core';
import { type RedisBackendOptions, redisBackend } from '../../src/redis.ts';

// Closes while its server fails, and has nothing else to do then. Its options come as an argument, the word that the
// server fails on standard input; with `cold` nothing is asked before.
const [options = '', mode] = process.argv.slice(2);
const cache = redisBackend(JSON.parse(options) as RedisBackendOptions);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

if (mode !== 'cold') await cache.setValue('warm', 1);
say('ready');
process.stdin.once('data', async () => {
  process.stdin.destroy();
  const calls = [cache.getValue('warm'), cache.incr('n'), cache.multiSetValues([['a', 1]], { ttl: 60 })].map((call) =>
    call.then(
      () => 'resolved',
      (error: unknown) => (isCacheError(error) ? error.code : String(error)),
    ),
  );
  const start = performance.now();
  await cache.close();
  say(JSON.stringify({ closeMs: performance.now() - start, outcomes: await Promise.all(calls) }));
});
