import { join } from 'node:path';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import { tryRuntimes } from '@ninefold/tooling/testing/try-runtimes';

tryRuntimes(join(import.meta.dirname, '../programs/try-rules.ts'), startMemcached);
