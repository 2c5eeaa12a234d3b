import { expect, it } from 'vitest';
import type { ServerProcess } from '../servers/process.ts';
import { ask } from '../servers/redis.ts';
import { startRedisCluster } from '../servers/redis-cluster.ts';
import { startRedisSentinel } from '../servers/redis-sentinel.ts';
import { until } from '../servers/until.ts';

it('starts a cluster whose nodes share the slots and fail over', async () => {
  const { nodes, stop } = await startRedisCluster({ primaries: 3, replicas: 3, nodeTimeoutMs: 500 });
  try {
    const [first, second, , replica] = nodes as [ServerProcess, ServerProcess, ServerProcess, ServerProcess];
    // CRC16 of '123456789' is 12,739 (Redis Cluster specification), a slot of the third primary.
    await expect(ask(first, 'SET', '123456789', 'v')).rejects.toThrow(/^MOVED 12739/);
    await first.kill();
    await until('the replica has taken over', async () =>
      (await ask(replica, 'INFO', 'replication')).includes('role:master'),
    );
    await until('the others agree', async () => (await ask(second, 'CLUSTER', 'INFO')).includes('cluster_state:ok'));
  } finally {
    await stop();
  }
});

it('starts sentinels that make the replica the primary when that has died', async () => {
  const { name, primary, replica, sentinels, stop } = await startRedisSentinel();
  try {
    await primary.kill();
    await until('the sentinels agree', async () => {
      const addresses = await Promise.all(
        sentinels.map((sentinel) => ask(sentinel, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)),
      );
      return addresses.every((address) => address === `${replica.host}\n${replica.port}`);
    });
    expect(await ask(replica, 'SET', 'k', 'v')).toBe('OK');
  } finally {
    await stop();
  }
});
