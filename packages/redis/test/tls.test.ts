import { certificate } from '@ninefold/tooling/servers/certificate';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { tryRedisTls } from '@ninefold/tooling/testing/try-redis-tls';
import { expect, it } from 'vitest';
import { redisBackend } from '../src/redis.ts';

// However long it is asked to wait for a connection, a call says what could not be reached inside its own time.
tryRedisTls(({ tls, ...options }) => redisBackend({ ...options, redis: { connectTimeout: 600_000, tls } }));

it('sentinels by rediss:// URLs are asked with the options for TLS that are given', async () => {
  const { port, stop } = await startRedis([], { tls: true });
  const sentinels = { name: 'mymaster', urls: [`rediss://localhost:${port}`] };
  const { ca } = await certificate();
  for (const [redis, reason] of [
    // A server that can be asked, and is no sentinel.
    [{ tls: { ca } }, 'what `sentinels` names is no sentinel'],
    [undefined, 'no sentinel can be reached (DEPTH_ZERO_SELF_SIGNED_CERT)'],
  ] as const) {
    const backend = redisBackend({ sentinels, redis, timeoutMs: 6000 });
    expect((await failureOf(backend.getValue('k'))).message).toContain(reason);
    await backend.close();
  }
  await stop();
});

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
