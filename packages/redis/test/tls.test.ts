import { startRedis } from '@ninefold/tooling/servers/redis';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { tryRedisTls } from '@ninefold/tooling/testing/try-redis-tls';
import { expect, it } from 'vitest';
import { redisBackend } from '../src/redis.ts';

tryRedisTls(({ tls, ...options }) => redisBackend({ ...options, ...(tls && { redis: { tls } }) }));

it('a sentinel that wants TLS is told of, and what is no sentinel', async () => {
  for (const [tls, reason] of [
    [true, 'UNAVAILABLE: no sentinel can be reached (ECONNRESET); the server may want TLS'],
    [false, 'BACKEND: what `sentinels` names is no sentinel'],
  ] as const) {
    const server = await startRedis([], { tls });
    const backend = redisBackend({ sentinels: { name: 'm', urls: [`redis://127.0.0.1:${server.port}`] } });
    const { code, message } = await failureOf(backend.getValue('k'));
    expect(`${code}: ${message.split('": ')[1]}`).toBe(reason);
    await backend.close();
    await server.stop();
  }
});
