import type { CacheBackend } from '@ninefold/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisBackend } from '../src/redis.ts';
import { announce, startCluster } from './support/cluster.ts';
import { type Crossing, Wire } from './support/wire.ts';

const NODES = 3;

let wire: Wire;
let backend: CacheBackend;
let stop: () => Promise<void>;

beforeAll(async () => {
  const cluster = await startCluster({ primaries: NODES });
  wire = await Wire.start(...cluster.nodes);
  await announce(cluster.nodes, wire.ports);
  const urls = cluster.urls.map((url, index) => {
    const behind = new URL(url);
    behind.port = String(wire.ports[index]);
    return behind.href;
  });
  backend = redisBackend({ cluster: urls, timeoutMs: 20_000 });
  stop = async () => {
    await backend.close();
    await wire.stop();
    await cluster.stop();
  };
  // Connects to every node, and loads the scripts there.
  await Promise.all(keys.map((key) => backend.incr(key)));
  await backend.multiSetValues(pairs, { ttl: 60 });
});

afterAll(() => stop());

const keys = Array.from({ length: 60 }, (_, index) => `k${index}`);
const pairs = keys.map((key, index): [string, number] => [key, index]);
const tagged = keys.map((key) => `{tag}${key}`);

/** Number of keys in the commands to each node, for commands whose arguments are all keys. */
const keysAt = ({ commands }: Crossing): number[] =>
  commands.map((node) => node.reduce((sum, command) => sum + Number(command.split(' ')[1]), 0));

describe('in a Cluster', () => {
  const singles: [string, string, () => Promise<unknown>][] = [
    ['getValue', 'GET 1', () => backend.getValue('k0')],
    ['setValue with a TTL', 'SET 4', () => backend.setValue('k0', 1, { ttl: 60 })],
    ['exists', 'EXISTS 1', () => backend.exists('k0')],
    ['incr with a TTL', 'EVALSHA', () => backend.incr('k0', 1, { ttl: 60 })],
    ['delete', 'UNLINK 1', () => backend.delete('k0')],
    ['a batch of reads in one slot', 'MGET 60', () => backend.multiGetValues(tagged)],
    ['a batch of deletes in one slot', 'UNLINK 60', () => backend.deleteMany(tagged)],
  ];
  for (const [operation, command, call] of singles) {
    it(`${operation} costs one round trip and one ${command}`, async () => {
      const crossing = await wire.during(call);
      expect(crossing.trips).toBe(1);
      expect(crossing.commands.flat()).toEqual([expect.stringMatching(new RegExp(`^${command}\\b`))]);
    });
  }

  it('a batch costs one round trip, in one piece to each node', async () => {
    const batches: [() => Promise<unknown>, number][] = [
      [() => backend.multiSetValues(pairs), 2 * keys.length],
      [() => backend.multiGetValues(keys), keys.length],
      [() => backend.deleteMany(keys), keys.length],
    ];
    for (const [batch, args] of batches) {
      const crossing = await wire.during(batch);
      expect({ trips: crossing.trips, pieces: crossing.pieces }).toEqual({ trips: 1, pieces: NODES });
      const counts = keysAt(crossing);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(args);
      expect(counts.every((count) => count > 0)).toBe(true);
    }
  });

  it('keys whose first braces are empty are sent to their nodes at once, singly and in batches', async () => {
    const braced = keys.map((key) => `{}{${key}}`);
    for (const read of [
      () => Promise.all(braced.map((key) => backend.getValue(key))),
      () => backend.multiGetValues(braced),
    ]) {
      const crossing = await wire.during(read);
      expect(crossing.trips).toBe(1);
      expect(crossing.commands.flat()).toHaveLength(braced.length);
    }
  });

  it('a batch with a TTL costs one round trip, in one piece to each node', async () => {
    const crossing = await wire.during(() => backend.multiSetValues(pairs, { ttl: 60 }));
    expect({ trips: crossing.trips, pieces: crossing.pieces }).toEqual({ trips: 1, pieces: NODES });
  });

  it('many reads of one tick cost one round trip, in one piece to each node', async () => {
    await backend.multiSetValues(pairs);
    let values: unknown[] = [];
    const crossing = await wire.during(async () => {
      values = await Promise.all(keys.map((key) => backend.getValue(key)));
    });
    expect(values).toEqual(pairs.map(([, value]) => value));
    expect({ trips: crossing.trips, pieces: crossing.pieces }).toEqual({ trips: 1, pieces: NODES });
  });
});
