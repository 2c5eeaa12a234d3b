import { join } from 'node:path';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { tryRuntimes } from '@ninefold/tooling/testing/try-runtimes';

tryRuntimes(join(import.meta.dirname, '../programs/try-rules.ts'), startRedis);
