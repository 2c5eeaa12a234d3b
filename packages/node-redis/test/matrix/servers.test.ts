import { describeCacheBackend } from '@ninefold/core/conformance';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { unpackedServer } from '@ninefold/tooling/servers/unpack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeRedisBackend, nodeRedisCapabilities } from '../../src/node-redis.ts';

describe.each(['Redis 6', 'Redis 8', 'Valkey 9'] as const)('%s', (name) => {
  let server: ServerProcess;

  beforeAll(async () => {
    server = await startRedis([], { program: await unpackedServer(name) });
  });

  afterAll(() => server.stop());

  describeCacheBackend(`node-redis on ${name}`, {
    describe,
    it,
    create: (options) =>
      nodeRedisBackend({ url: `redis://${server.host}:${server.port}`, timeoutMs: 10_000, ...options }),
    capabilities: nodeRedisCapabilities,
  });

  it('rejects an increment by a user without INCRBY, and names it', async () => {
    await ask(server, 'ACL', 'SETUSER', 'cache', 'on', '>password', '~*', '-@all', '+eval', '+exists', '+set');
    const backend = nodeRedisBackend({ url: `redis://cache:password@${server.host}:${server.port}` });
    const counted = backend.incr('never');
    await expect(counted).rejects.toMatchObject({ code: 'AUTH', retryable: false, maybeApplied: false });
    await expect(counted).rejects.toThrow('INCRBY');
    await backend.close();
  });
});
