import { Redis } from '@upstash/redis';
import { createStorage } from 'unstorage';
import unstorageUpstash from 'unstorage/drivers/upstash';
// Imported by path: the package depends on this one, and turbo cannot build a cycle of packages.
import { upstashBackend } from '../../../packages/upstash/src/upstash.ts';
import { ours, type Peer } from '../support/peer.ts';
import { reportVersions } from '../support/results.ts';
import { testPeers } from '../support/tested-peers.ts';
import { startUpstash, type UpstashServer } from '../support/upstash-server.ts';
import { packageVersions } from '../support/versions.ts';
import { benchWorkloads } from '../support/workloads.ts';

type Database = Pick<UpstashServer, 'url' | 'token'>;

/** With default options: automatic pipelining and deserialisation, base64. */
function upstash({ url, token }: Database): Peer {
  const client = new Redis({ url, token, enableTelemetry: false });
  const own = (key: string): string => `upstash:${key}`;
  return {
    name: '@upstash/redis',
    role: 'raw',
    get: (key) => client.get(own(key)),
    set: (key, value, ttl) => client.set(own(key), value, ttl === undefined ? undefined : { ex: ttl }),
    getMany: (keys) => client.mget(keys.map(own)),
    async setMany(entries, ttl) {
      const pipeline = client.pipeline();
      for (const [key, value] of entries) pipeline.set(own(key), value, { ex: ttl });
      await pipeline.exec();
    },
    incr: (key) => client.incr(own(key)),
  };
}

function unstorage({ url, token }: Database): Peer {
  const storage = createStorage<string | object>({
    driver: unstorageUpstash({ url, token, base: 'unstorage', enableTelemetry: false }),
  });
  return {
    name: 'unstorage',
    role: 'peer',
    get: (key) => storage.getItem(key),
    set: (key, value, ttl) => storage.setItem(key, value as object, ttl === undefined ? {} : { ttl }),
    getMany: async (keys) => (await storage.getItems([...keys])).map(({ value }) => value),
    // Its sets of single keys, which the client sends as one request.
    setMany: (entries, ttl) =>
      storage.setItems(
        entries.map(([key, value]) => ({ key, value: value as object })),
        { ttl },
      ),
  };
}

const server = await startUpstash();
const { url, token } = server;
reportVersions(packageVersions(['@upstash/redis', 'unstorage']));
const own = ours(upstashBackend({ url, token, namespace: 'ninefold', timeoutMs: 60_000 }));
const tested = await testPeers([own, upstash(server), unstorage(server)]);
await benchWorkloads('Upstash', tested);
for (const peer of tested.peers) await peer.close?.();
server.stop();
