import type { CacheError } from '@ninefold/core';
import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis-5';
import { redisBackend } from '../../src/redis.ts';

const [, , url = ''] = process.argv;
const timeoutMs = 10_000;
const clients = [new Redis(url), new Redis5(url)];
const stranger = redisBackend({ url, timeoutMs, redis: { username: 'stranger', password: 's3cret' } });
const backend = redisBackend({ url, timeoutMs });
const provided = clients.map((client) => redisBackend({ client, timeoutMs }));

await backend.setValue('k', 'v');
const failures: unknown[] = [];
for (const each of [stranger, backend, ...provided])
  await each.incr('k').catch(({ code, maybeApplied }: CacheError) => failures.push({ code, maybeApplied }));
process.stdout.write(JSON.stringify(failures));
await Promise.all([backend.close(), stranger.close()]);
for (const client of clients) client.disconnect();
