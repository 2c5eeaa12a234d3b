import { KeyvMemcache } from '@keyv/memcache';
import { Keyv } from 'cacheable';
import { Memcache } from 'memcache';
import { Client } from 'memjs';
// Imported by path: the package depends on this one, and turbo cannot build a cycle of packages.
import { memcachedBackend } from '../../../packages/memcached/src/memcached.ts';
import { defaultProgram, startMemcached } from '../../servers/memcached.ts';
import { ours, type Peer } from '../support/peer.ts';
import { reportVersions } from '../support/results.ts';
import { testPeers } from '../support/tested-peers.ts';
import { packageVersions, programVersion, versionsWithin } from '../support/versions.ts';
import { benchDelayed, benchGrowth, benchWorkloads } from '../support/workloads.ts';
import { peersOnKeyv, type plainJson } from './keyv.ts';

/** Seconds; so long that a busy machine causes no timeouts. */
const TIMEOUT = 60;

interface Address {
  readonly host: string;
  readonly port: number;
}

function memjs({ host, port }: Address): Peer {
  const client = Client.create(`${host}:${port}`, { timeout: TIMEOUT });
  const own = (key: string): string => `memjs:${key}`;
  return {
    name: 'memjs + JSON',
    role: 'raw',
    async get(key) {
      const { value } = await client.get(own(key));
      return value === null ? undefined : JSON.parse(String(value));
    },
    set: (key, value, ttl = 0) => client.set(own(key), JSON.stringify(value), { expires: ttl }),
    incr: async (key) => (await client.increment(own(key), 1, { initial: 1 })).value,
    close: () => client.close(),
  };
}

async function memcache({ host, port }: Address): Promise<Peer> {
  const client = new Memcache({ nodes: [`${host}:${port}`], timeout: TIMEOUT * 1000 });
  await client.connect();
  const own = (key: string): string => `memcache:${key}`;
  const parse = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text));
  return {
    name: 'memcache + JSON',
    role: 'raw',
    get: async (key) => parse(await client.get(own(key))),
    set: (key, value, ttl = 0) => client.set(own(key), JSON.stringify(value), ttl),
    async getMany(keys) {
      const found = await client.gets(keys.map(own));
      return keys.map((key) => parse(found.get(own(key))));
    },
    close: () => client.quit(),
  };
}

let stores = 0;

function keyvStore({ host, port }: Address, serializer: typeof plainJson | undefined): Keyv {
  stores += 1;
  // The store itself reads what it has stored.
  const store = new KeyvMemcache(`${host}:${port}`, { timeout: TIMEOUT, ...serializer });
  // The store prefixes keys as well.
  return new Keyv({ store, namespace: `keyv${stores}`, useKeyPrefix: false, ...serializer });
}

async function peersAt(address: Address): Promise<Peer[]> {
  // The batch calls of @keyv/memcache make one request per key.
  const onKeyv = peersOnKeyv((serializer) => keyvStore(address, serializer)).map(
    (peer): Peer => ({ ...peer, loops: ['getMany', 'setMany'] }),
  );
  const servers = `${address.host}:${address.port}`;
  const own = ours(memcachedBackend({ servers, namespace: 'ninefold', timeoutMs: TIMEOUT * 1000 }));
  return [own, memjs(address), await memcache(address), ...onKeyv];
}

// Enough memory for all entries, and one thread: with several, some peers would share a thread with fewer others.
const server = await startMemcached(['-m', '1024', '-t', '1']);
reportVersions({
  memcached: programVersion(defaultProgram()),
  // The stores are for this major version of Keyv.
  ...versionsWithin('cacheable', ['keyv']),
  ...packageVersions(['memjs', 'memcache', '@keyv/memcache', 'cacheable', 'cache-manager']),
});
const tested = await testPeers(await peersAt(server));
await benchWorkloads('memcached', tested);
await benchGrowth('memcached', tested);
await benchDelayed('memcached', server, tested, peersAt);
for (const peer of tested.peers) await peer.close?.();
await server.stop();
