import { tryRules } from '@ninefold/tooling/testing/rules-alone';
import { memcachedBackend, memcachedCapabilities } from '../../src/memcached.ts';

// Bundled, and run by each runtime.
const [address] = process.argv.slice(2);
const create = (given: object) => memcachedBackend({ servers: address, timeoutMs: 10_000, ...given });

void tryRules({ create, capabilities: memcachedCapabilities }).then((tried) =>
  process.stdout.write(JSON.stringify(tried)),
);
