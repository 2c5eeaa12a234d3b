import { type CacheError, nodeRedisBackend } from '@ninefold/node-redis';
import { createClient } from 'redis';

const [, , url = ''] = process.argv;
const timeoutMs = 10_000;
const backend = nodeRedisBackend({ url, timeoutMs });
const stranger = nodeRedisBackend({ url, timeoutMs, redis: { username: 'stranger', password: 's3cret' } });
const offline = nodeRedisBackend({ client: createClient({ url }), timeoutMs });

await backend.setValue('k', 'v');
const failures: unknown[] = [];
for (const call of [() => backend.incr('k'), () => stranger.incr('k'), () => offline.incr('k')])
  await call().catch(({ code, maybeApplied }: CacheError) => failures.push({ code, maybeApplied }));
process.stdout.write(JSON.stringify(failures));
await Promise.all([backend.close(), stranger.close()]);
