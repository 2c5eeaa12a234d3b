import { tryRedisTls } from '@ninefold/tooling/testing/try-redis-tls';
import { nodeRedisBackend } from '../src/node-redis.ts';

tryRedisTls(({ tls, ...options }) =>
  nodeRedisBackend({ ...options, ...(tls && { redis: { socket: { tls: true, ...tls } } }) }),
);
