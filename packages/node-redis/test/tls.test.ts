import { tryRedisTls } from '@ninefold/tooling/testing/try-redis-tls';
import { nodeRedisBackend } from '../src/node-redis.ts';

// However long it is asked to wait for a connection, a call says what could not be reached inside its own time.
tryRedisTls(({ tls, ...options }) =>
  nodeRedisBackend({
    ...options,
    redis: { socket: { connectTimeout: 600_000, ...(tls && ({ tls: true, ...tls } as const)) } },
  }),
);
