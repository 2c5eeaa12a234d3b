import { tryRules } from '@ninefold/tooling/testing/rules-alone';
import { redisBackend, redisCapabilities } from '../../src/redis.ts';

// Bundled, and run by each runtime.
const [address] = process.argv.slice(2);
const create = (given: object) => redisBackend({ url: `redis://${address}`, timeoutMs: 10_000, ...given });

void tryRules({ create, capabilities: redisCapabilities }).then((tried) => process.stdout.write(JSON.stringify(tried)));
