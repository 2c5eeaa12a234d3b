import { afterAll, beforeAll } from 'vitest';
import { redisBackend } from '../src/redis.ts';
import { startServer } from './support/server.ts';
import { tryAll } from './support/try-all.ts';

let url: string;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ url, stop } = await startServer());
});

afterAll(() => stop());

tryAll('redis', (options) => redisBackend({ url, ...options }));
