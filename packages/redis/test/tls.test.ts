import { tryRedisTls } from '@ninefold/tooling/testing/try-redis-tls';
import { redisBackend } from '../src/redis.ts';

tryRedisTls(({ tls, ...options }) => redisBackend({ ...options, ...(tls && { redis: { tls } }) }));
