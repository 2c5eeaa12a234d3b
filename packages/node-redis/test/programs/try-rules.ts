import { tryRules } from '@ninefold/tooling/testing/rules-alone';
import { nodeRedisBackend, nodeRedisCapabilities } from '../../src/node-redis.ts';

// Bundled, and run by each runtime.
const [address] = process.argv.slice(2);
const create = (given: object) => nodeRedisBackend({ url: `redis://${address}`, timeoutMs: 10_000, ...given });

void tryRules({ create, capabilities: nodeRedisCapabilities }).then((tried) =>
  process.stdout.write(JSON.stringify(tried)),
);
