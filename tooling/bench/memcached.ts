import { promisify } from 'node:util';
import { KeyvMemcache } from '@keyv/memcache';
import { Memcache } from 'memcache';
import { MemcacheClient, type MultiRetrievalResponse } from 'memcache-client';
import Memcached from 'memcached';
import { Client } from 'memjs';
// Imported by path: the package depends on this one, and turbo cannot build a cycle of packages.
import { memcachedBackend } from '../../packages/memcached/src/memcached.ts';
import { startMemcached } from '../servers/memcached.ts';
import { row } from './support/data.ts';
import { bench, type Contest, repeat } from './support/harness.ts';

const server = await startMemcached();
const address = `${server.host}:${server.port}`;
/** Other keys than the peers', because the stored values differ in form; of the same length. */
const ownKeys = Array.from({ length: 100 }, (_, index) => `own:${index}`);
const pairs = ownKeys.map((key) => [key, row] as const);
const keys = Array.from({ length: 100 }, (_, index) => `key:${index}`);
const texts = (): string[] => keys.map(() => JSON.stringify(row));

/** A client that reads and writes 100 objects in the way its documentation shows. */
interface Peer {
  readonly name: string;
  readonly read: () => Promise<readonly unknown[]>;
  readonly write: () => Promise<unknown>;
  readonly close: () => unknown;
}

function memjsPeer(): Peer {
  const client = Client.create(address);
  const get = async (key: string): Promise<unknown> => JSON.parse(String((await client.get(key)).value));
  return {
    name: 'memjs',
    read: () => Promise.all(keys.map(get)),
    write: () => Promise.all(texts().map((text, index) => client.set(keys[index] as string, text, {}))),
    close: () => client.close(),
  };
}

function memcachedPeer(): Peer {
  const client = new Memcached(address);
  const getMulti = promisify<string[], Record<string, string>>(client.getMulti.bind(client));
  const set = promisify<string, string, number, boolean>(client.set.bind(client));
  return {
    name: 'memcached',
    read: async () => {
      const found = await getMulti(keys);
      return keys.map((key) => JSON.parse(found[key] as string));
    },
    write: () => Promise.all(texts().map((text, index) => set(keys[index] as string, text, 0))),
    close: () => client.end(),
  };
}

async function memcachePeer(): Promise<Peer> {
  const client = new Memcache({ nodes: [address] });
  await client.connect();
  return {
    name: 'memcache',
    read: async () => {
      const found = await client.gets(keys);
      return keys.map((key) => JSON.parse(found.get(key) as string));
    },
    write: () => Promise.all(texts().map((text, index) => client.set(keys[index] as string, text))),
    close: () => client.quit(),
  };
}

function memcacheClientPeer(): Peer {
  const client = new MemcacheClient({ server: address });
  return {
    name: 'memcache-client',
    read: async () => {
      // This client parses JSON itself.
      const found = await client.get<MultiRetrievalResponse>(keys);
      return keys.map((key) => found[key]?.value);
    },
    write: () => Promise.all(keys.map((key) => client.set(key, row))),
    close: () => client.shutdown(),
  };
}

function keyvPeer(): Peer {
  const store = new KeyvMemcache(address);
  return {
    name: '@keyv/memcache',
    read: () => store.getMany(keys),
    write: () => Promise.all(texts().map((text, index) => store.set(keys[index] as string, text))),
    close: () => store.client.close(),
  };
}

const ours = memcachedBackend({ servers: address });
const peers = [memjsPeer(), memcachedPeer(), await memcachePeer(), memcacheClientPeer(), keyvPeer()];
await ours.multiSetValues(pairs);
const contests: Contest[] = [];
for (const peer of peers) {
  await peer.write();
  const [first] = await peer.read();
  if (JSON.stringify(first) !== JSON.stringify(row)) throw new Error(`${peer.name} did not read what it wrote`);
  const atMost = peer.name === 'memjs' ? 0.6 : 1;
  contests.push(
    {
      name: `read 100 : ${peer.name}`,
      baseline: repeat(peer.read),
      ours: repeat(() => ours.multiGetValues(ownKeys)),
      atMost,
    },
    {
      name: `write 100 : ${peer.name}`,
      baseline: repeat(peer.write),
      ours: repeat(() => ours.multiSetValues(pairs)),
      atMost,
    },
  );
}
const client = Client.create(address);
await client.set('k', JSON.stringify(row), {});
await client.set('n', '0', {});
await ours.setValue('own', row);
contests.push(
  {
    name: 'read one : memjs',
    baseline: repeat(async () => JSON.parse(String((await client.get('k')).value))),
    ours: repeat(() => ours.getValue('own')),
  },
  {
    name: 'write one : memjs',
    baseline: repeat(() => client.set('k', JSON.stringify(row), {})),
    ours: repeat(() => ours.setValue('own', row)),
  },
  {
    name: 'increment : memjs',
    baseline: repeat(() => client.increment('n', 1, {})),
    ours: repeat(() => ours.incr('own n')),
  },
);
await bench('memcached: 10 fields, against each client and JSON', contests);
for (const peer of peers) await peer.close();
client.close();
await ours.close();
await server.stop();
