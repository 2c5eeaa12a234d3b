import { memcachedBackend } from '@ninefold/memcached';
import { redisBackend } from '@ninefold/redis';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import { startRedisCluster } from '@ninefold/tooling/servers/redis-cluster';
import type { Lab } from '../support/labs.ts';
import { recipe } from '../support/recipe.ts';
import { tryOn } from '../support/try-on.ts';

// An entry and its counters are on several servers, which do not reply at the same moment.

async function cluster(): Promise<Lab> {
  const { nodes, stop } = await startRedisCluster({ primaries: 3 });
  const options = { cluster: nodes.map(({ host, port }) => `redis://${host}:${port}`), timeoutMs: 60_000 };
  return {
    create: (namespace) => redisBackend({ ...options, namespace }),
    recipe: recipe('redis', options),
    rounds: () => 0,
    stop,
  };
}

async function ring(): Promise<Lab> {
  const servers = await Promise.all([startMemcached(), startMemcached(), startMemcached()]);
  const options = { servers: servers.map(({ port }) => `127.0.0.1:${port}`), timeoutMs: 60_000 };
  return {
    create: (namespace) => memcachedBackend({ ...options, namespace }),
    recipe: recipe('memcached', options),
    rounds: () => 0,
    stop: async () => {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

tryOn('a Redis Cluster', cluster);
tryOn('three memcached servers', ring);
