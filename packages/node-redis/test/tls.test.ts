import { tryRedisTls } from '@ninefold/tooling/testing/try-redis-tls';
import { nodeRedisBackend } from '../src/node-redis.ts';

// Whatever `connectTimeout` is given, a call reports what could not be reached within its own deadline.
tryRedisTls(({ tls, ...options }) =>
  nodeRedisBackend({
    ...options,
    redis: { socket: { connectTimeout: 600_000, ...(tls && ({ tls: true, ...tls } as const)) } },
  }),
);
