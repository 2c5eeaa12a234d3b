import { setTimeout as sleep } from 'node:timers/promises';
import { isCacheError } from '@ninefold/core';
import { type RedisBackendOptions, redisBackend } from '../../src/redis.ts';

/** Milliseconds for `close`; the contract says 1,000 for what is in flight, and 350 for the rest. */
const MAX_MS = 1500;
/** Milliseconds after which no socket may be left. A server that is paused does not close its end. */
const SOCKET_MS = 1000;

// Closes its backend while the server fails, and has nothing else to do then. The options are an argument; a line on
// standard input says that the server fails. With `cold` the server is not used before.
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
  // Measured by a timer of the same event loop, which a busy machine delays as well.
  const inTime = await Promise.race([cache.close().then(() => true), sleep(MAX_MS, false, { ref: false })]);
  const outcomes = await Promise.all(calls);
  await sleep(SOCKET_MS);
  const sockets = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
  say(JSON.stringify({ inTime, outcomes, sockets }));
});
