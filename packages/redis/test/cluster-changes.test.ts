import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheBackend } from '@ninefold/core';
import { freePort } from '@ninefold/tooling/servers/free-port';
import { listen } from '@ninefold/tooling/servers/listen';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { redisBackend } from '../src/redis.ts';
import { ownerOf, SlotMove, startCluster, type TestCluster } from './support/cluster.ts';
import { recovered, settled } from './support/load.ts';
import { CLUSTER_PERMISSIONS, PASSWORD, USER, userArgs } from './support/permissions.ts';

const TIMEOUT_MS = 5000;

let cluster: TestCluster;
let nodes: readonly ServerProcess[];
let backend: CacheBackend;

beforeAll(async () => {
  cluster = await startCluster();
  ({ nodes } = cluster);
});

afterAll(() => cluster.stop());

beforeEach(async () => {
  backend = redisBackend({ cluster: cluster.urls, timeoutMs: TIMEOUT_MS });
  // Fetches the slot map and makes the connections.
  await backend.multiGetValues(Array.from({ length: 50 }, (_, index) => `warm${index}`));
});

afterEach(() => backend.close());

async function move(key: string): Promise<void> {
  const slot = await SlotMove.begin(nodes, key);
  await slot.end();
}

describe('a slot that has moved', () => {
  it('is followed by every operation with the old slot map, and nothing is applied twice', async () => {
    const tags = ['get', 'set', 'exists', 'delete', 'incr', 'incrttl', 'reads', 'sets', 'mortal', 'deletes'];
    const keysOf = (tag: string): string[] => ['1', '2', '3'].map((index) => `{${tag}}${index}`);
    await backend.multiSetValues(tags.flatMap(keysOf).map((key, index) => [key, index] as const));
    for (const tag of tags) await move(keysOf(tag)[0] as string);
    const [reads, sets, mortal, deletes] = ['reads', 'sets', 'mortal', 'deletes'].map(keysOf) as string[][];
    const others = ['warm1', 'warm2', 'warm3'];
    const pairsOf = (keys: readonly string[] = []): [string, string][] => keys.map((key) => [key, `of ${key}`]);
    const answers = await Promise.all([
      backend.getValue('{get}1'),
      backend.setValue('{set}1', 'new'),
      backend.exists('{exists}1'),
      backend.delete('{delete}1'),
      backend.incr('{incr}1'),
      backend.incr('{incrttl}new', 5, { ttl: 60 }),
      backend.multiGetValues([...others, ...(reads ?? [])]),
      backend.multiSetValues(pairsOf(sets)),
      backend.multiSetValues(pairsOf(mortal), { ttl: 60 }),
      backend.deleteMany([...others, ...(deletes ?? [])]),
    ]);
    expect(answers).toEqual([
      0,
      undefined,
      true,
      1,
      13,
      5,
      [undefined, undefined, undefined, 18, 19, 20],
      undefined,
      undefined,
      3,
    ]);
    expect(await backend.multiGetValues(['{set}1', '{delete}1', '{incr}1', '{incrttl}new'])).toEqual([
      'new',
      undefined,
      13,
      5,
    ]);
    for (const keys of [sets, mortal])
      expect(await backend.multiGetValues(keys ?? [])).toEqual(keys?.map((key) => `of ${key}`));
    expect(await backend.incr('{incr}1')).toBe(14);
  });

  it('is found at once by the next call', async () => {
    await backend.setValue('{next}', 1);
    await move('{next}');
    expect(await backend.getValue('{next}')).toBe(1);
    for (const node of nodes) await ask(node, 'CONFIG', 'RESETSTAT');
    expect(await backend.getValue('{next}')).toBe(1);
    const stats = await Promise.all(nodes.map((node) => ask(node, 'INFO', 'errorstats')));
    expect(stats.join()).not.toContain('MOVED');
  });

  it('has the others found that have moved as well', async () => {
    for (const key of ['{one}', '{two}']) await move(key);
    // The slot map is not fetched again sooner.
    await sleep(100);
    for (const node of nodes) await ask(node, 'CONFIG', 'RESETSTAT');
    const stats = async (section: string): Promise<string> =>
      (await Promise.all(nodes.map((node) => ask(node, 'INFO', section)))).join();
    expect(await backend.getValue('{one}')).toBeUndefined();
    await expect.poll(() => stats('commandstats')).toContain('cmdstat_cluster|slots');
    // Each connection replies in order.
    await backend.multiGetValues(Array.from({ length: 50 }, (_, index) => `warm${index}`));
    const moved = async (): Promise<string[]> => (await stats('errorstats')).match(/errorstat_MOVED:count=\d+/g) ?? [];
    expect(await moved()).toEqual(['errorstat_MOVED:count=1']);
    expect(await backend.getValue('{two}')).toBeUndefined();
    expect(await moved()).toEqual(['errorstat_MOVED:count=1']);
  });
});

describe('a slot that two nodes each assign to the other', () => {
  it('is retried for a while, then unavailable, without a storm of requests for the slot map, and works once the nodes agree', async () => {
    const owner = await ownerOf(nodes, '{torn}');
    const other = nodes.find((node) => node !== owner) as ServerProcess;
    const slot = await ask(owner, 'CLUSTER', 'KEYSLOT', '{torn}');
    const [ownerId, otherId] = [await ask(owner, 'CLUSTER', 'MYID'), await ask(other, 'CLUSTER', 'MYID')];
    await ask(owner, 'CLUSTER', 'SETSLOT', slot, 'NODE', otherId);
    for (const node of nodes) await ask(node, 'CONFIG', 'RESETSTAT');
    const start = performance.now();
    for (const call of Array.from({ length: 10 }, () => failureOf(settled(backend.incr('{torn}')))))
      expect(await call).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied: false });
    const tookMs = performance.now() - start;
    // Four pauses of 50 ms, by timers that may fire a millisecond early.
    expect(tookMs).toBeGreaterThanOrEqual(4 * 49);
    const most = nodes.length * (1 + tookMs / 100);
    const stats = (await Promise.all(nodes.map((node) => ask(node, 'INFO', 'commandstats')))).join();
    const maps = [...stats.matchAll(/cmdstat_cluster\|slots:calls=(\d+)/g)].map(([, calls]) => Number(calls));
    expect(maps.reduce((sum, calls) => sum + calls, 0)).toBeLessThanOrEqual(most);
    await ask(owner, 'CLUSTER', 'SETSLOT', slot, 'NODE', ownerId);
    expect(await settled(backend.incr('{torn}'))).toBe(1);
  });
});

describe('a slot that is migrating', () => {
  it('is followed to the node of each key, in batches too, and nothing is applied twice', async () => {
    const stays = ['{m}s1', '{m}s2', '{m}sn'];
    const goes = ['{m}g1', '{m}g2', '{m}gn'];
    await backend.multiSetValues(
      [...stays, ...goes].map((key) => [key, key.endsWith('n') ? 41 : `of ${key}`] as const),
    );
    const slot = await SlotMove.begin(nodes, '{m}');
    await slot.migrate(goes);
    const keys = ['{m}s1', '{m}g1', 'warm1', '{m}none', '{m}g2', '{m}s2'];
    const values = ['of {m}s1', 'of {m}g1', undefined, undefined, 'of {m}g2', 'of {m}s2'];
    expect(await backend.multiGetValues(keys)).toEqual(values);
    expect(await Promise.all(keys.map((key) => backend.getValue(key)))).toEqual(values);
    expect(await Promise.all(keys.map((key) => backend.exists(key)))).toEqual(
      values.map((value) => value !== undefined),
    );
    expect(await Promise.all([backend.incr('{m}sn'), backend.incr('{m}gn')])).toEqual([42, 42]);
    expect(await failureOf(backend.incr('{m}g1'))).toMatchObject({ code: 'NOT_A_COUNTER', maybeApplied: false });
    expect(await backend.incr('{m}new', 7, { ttl: 60 })).toBe(7);
    expect(await backend.incr('{m}new', 1, { ttl: 60 })).toBe(8);
    await backend.multiSetValues([
      ['{m}s1', 1],
      ['{m}g1', 2],
      ['warm2', 3],
      ['{m}fresh', 4],
    ]);
    await backend.multiSetValues(
      [
        ['{m}s2', 5],
        ['{m}g2', 6],
        ['{m}mortal', 7],
      ],
      { ttl: 60 },
    );
    const all = ['{m}s1', '{m}g1', 'warm2', '{m}fresh', '{m}s2', '{m}g2', '{m}mortal'];
    expect(await backend.multiGetValues(all)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(await backend.deleteMany(['{m}s1', '{m}g1', '{m}none', 'warm2'])).toBe(3);
    await slot.end();
    expect(await backend.multiGetValues(all)).toEqual([undefined, undefined, undefined, 4, 5, 6, 7]);
    expect(await Promise.all([backend.incr('{m}sn'), backend.incr('{m}gn'), backend.incr('{m}new')])).toEqual([
      43, 43, 9,
    ]);
  });
});

describe('a slot that is migrating', () => {
  let slot: SlotMove;

  beforeEach(async () => {
    await backend.multiSetValues([
      ['{n}stays', 1],
      ['{n}goes', 2],
    ]);
    slot = await SlotMove.begin(nodes, '{n}');
    await slot.migrate(['{n}goes']);
    for (const node of nodes) await ask(node, 'CONFIG', 'RESETSTAT');
  });

  afterEach(() => slot.end());

  it('is still asked of its owner first, after keys that are gone from there as well', async () => {
    for (const [key, value] of [
      ['{n}goes', 2],
      ['{n}stays', 1],
    ] as const)
      expect(await backend.getValue(key)).toBe(value);
    const errors = (await Promise.all(nodes.map((node) => ask(node, 'INFO', 'errorstats')))).join();
    expect(errors).toContain('errorstat_ASK:count=1');
    expect(errors).not.toContain('errorstat_MOVED');
  });

  it('is not followed by a user who may not send ASKING, and the error says so', async () => {
    const allow = (change: string): Promise<unknown> =>
      Promise.all(nodes.map((node) => ask(node, 'ACL', 'SETUSER', USER, change)));
    await allow('-asking');
    const failure = await failureOf(backend.incr('{n}goes'));
    expect(failure).toMatchObject({ code: 'AUTH', retryable: false, maybeApplied: false });
    expect(failure.message).toContain('the user lacks a permission: ASKING');
    await allow('+asking');
    expect(await backend.incr('{n}goes')).toBe(3);
  });
});

it('a backend that is closed leaves no connection to any node', async () => {
  const connections = async (): Promise<number> => {
    const lists = await Promise.all(nodes.map((node) => ask(node, 'CLIENT', 'LIST', 'TYPE', 'normal')));
    return lists.join('\n').split(` user=${USER} `).length - 1;
  };
  const before = await connections();
  const closed = redisBackend({ cluster: cluster.urls, timeoutMs: TIMEOUT_MS });
  await closed.multiGetValues(Array.from({ length: 50 }, (_, index) => `closed${index}`));
  expect(await connections()).toBeGreaterThan(before);
  await closed.close();
  await expect.poll(connections).toBeLessThanOrEqual(before);
});

describe('a paused node', () => {
  it('delays no call to the other nodes; a failed batch names a key of that node, and may have been applied', async () => {
    const impatient = redisBackend({ cluster: cluster.urls, timeoutMs: 1000 });
    const still = nodes[1] as ServerProcess;
    const keys = Array.from({ length: 30 }, (_, index) => `still${index}`);
    const owners = await Promise.all(keys.map((key) => ownerOf(nodes, key)));
    const there = keys.filter((_, index) => owners[index] !== still);
    const hung = keys.filter((_, index) => owners[index] === still);
    await impatient.multiSetValues(keys.map((key) => [key, 'old'] as const));
    await still.pause();
    try {
      const writing = failureOf(settled(impatient.multiSetValues(keys.map((key) => [key, 'new'] as const))));
      const reading = failureOf(settled(impatient.multiGetValues(keys)));
      expect(await Promise.all(there.map((key) => backend.getValue(key)))).toEqual(there.map(() => 'new'));
      expect(await impatient.deleteMany(there.slice(0, 1))).toBe(1);
      for (const failure of [await writing, await reading]) {
        expect(['TIMEOUT', 'UNAVAILABLE']).toContain(failure.code);
        if (failure.key !== undefined) expect(hung).toContain(failure.key);
      }
      expect((await writing).maybeApplied).toBe(true);
    } finally {
      still.resume();
    }
    await recovered(impatient, hung[0] as string);
    expect(await backend.multiGetValues(there)).toEqual(there.map((_, index) => (index === 0 ? undefined : 'new')));
    await impatient.close();
  });
});

it('a node of a Cluster given as `url` rejects with an error that says so', async () => {
  const lone = redisBackend({ url: cluster.urls[0], timeoutMs: TIMEOUT_MS });
  const keys = Array.from({ length: 20 }, (_, index) => `lone${index}`);
  for (const call of [() => lone.multiGetValues(keys), () => Promise.all(keys.map((key) => lone.setValue(key, 1)))]) {
    const failure = await failureOf(call());
    expect(failure).toMatchObject({ code: 'BACKEND', retryable: false });
    expect(failure.message).toMatch(/cluster/i);
  }
  await lone.close();
});

describe('a node that was reset', () => {
  it('is skipped if the options name it', async () => {
    const alone = ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())];
    const lone = await startRedis([...alone, ...userArgs(...CLUSTER_PERMISSIONS.split(' '))]);
    const { urls } = cluster;
    // Each backend begins with another of the named nodes.
    const named = [...urls, `redis://${USER}:${PASSWORD}@${lone.host}:${lone.port}`];
    for (let turn = 0; turn < named.length; turn++) {
      const turned = [...named.slice(turn), ...named.slice(0, turn)];
      const fresh = redisBackend({ cluster: turned, timeoutMs: TIMEOUT_MS });
      await settled(fresh.setValue('k', turn));
      expect(await settled(fresh.getValue('k'))).toBe(turn);
      await fresh.close();
    }
    await lone.stop();
  });

  it('is no longer asked for its slots once another node has them', async () => {
    const { nodes, urls, stop } = await startCluster({ primaries: 2 });
    const [heir, reset] = nodes as [ServerProcess, ServerProcess];
    // Knows the other node from the slot map only.
    const fresh = redisBackend({ cluster: urls.slice(1), timeoutMs: TIMEOUT_MS });
    const keys = Array.from({ length: 50 }, (_, index) => `k${index}`);
    await fresh.multiGetValues(keys);
    await ask(reset, 'CLUSTER', 'RESET');
    await ask(heir, 'CLUSTER', 'DELSLOTSRANGE', '0', '16383');
    await ask(heir, 'CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    // The node that was reset says that the cluster is down.
    await expect
      .poll(() => settled(fresh.multiGetValues(keys)).catch(() => undefined))
      .toEqual(keys.map(() => undefined));
    await fresh.close();
    await stop();
  });
});

describe('slots', () => {
  it('that no node serves are unavailable, without a storm of requests for the slot map, and served once one does', async () => {
    const { nodes, urls, stop } = await startCluster({ primaries: 1 });
    const [node] = nodes as [ServerProcess];
    const slot = await ask(node, 'CLUSTER', 'KEYSLOT', 'k');
    await ask(node, 'CLUSTER', 'DELSLOTS', slot);
    const fresh = redisBackend({ cluster: urls, timeoutMs: TIMEOUT_MS });
    const start = performance.now();
    for (let call = 0; call < 20; call++) {
      const failure = await failureOf(fresh.incr('k'));
      expect(failure).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied: false });
      expect(failure.message).toContain('no node serves the slot');
    }
    // The node is asked twice: as a known one, and as the one that the options name.
    const most = 2 * (1 + (performance.now() - start) / 100);
    const stats = await ask(node, 'INFO', 'commandstats');
    expect(Number(/cmdstat_cluster\|slots:calls=(\d+)/.exec(stats)?.[1])).toBeLessThanOrEqual(most);
    await ask(node, 'CLUSTER', 'ADDSLOTS', slot);
    await recovered(fresh, 'k');
    expect(await fresh.incr('k')).toBe(1);
    await fresh.close();
    await stop();
  });

  it('that all went to another node leave no connection to the one that had them, until it has them again', async () => {
    const { nodes, urls, stop } = await startCluster({ primaries: 2 });
    const [heir, left] = nodes as [ServerProcess, ServerProcess];
    const fresh = redisBackend({ cluster: urls, timeoutMs: 1000 });
    const keys = Array.from({ length: 50 }, (_, index) => `k${index}`);
    const reads = (): Promise<unknown> => settled(fresh.multiGetValues(keys)).catch(() => undefined);
    const connections = async (): Promise<number> =>
      (await ask(left, 'CLIENT', 'LIST', 'TYPE', 'normal')).split(` user=${USER} `).length - 1;
    await expect.poll(reads).toBeDefined();
    expect(await connections()).toBe(1);
    const range = /myself.* (\d+)-(\d+)/.exec(await ask(left, 'CLUSTER', 'NODES'))?.slice(1) ?? [];
    const give = async (to: ServerProcess): Promise<void> => {
      for (const node of nodes)
        await ask(node, 'CLUSTER', 'DELSLOTSRANGE', ...range).catch(({ message }: Error) =>
          // It may have heard of it from the other.
          expect(message).toContain('already unassigned'),
        );
      await ask(to, 'CLUSTER', 'ADDSLOTSRANGE', ...range);
      await expect.poll(reads).toBeDefined();
    };
    await give(heir);
    await expect.poll(connections).toBe(0);
    await ask(left, 'CONFIG', 'RESETSTAT');
    await give(left);
    // Longer than the connection to a node that serves no slot is kept.
    await sleep(1500);
    await reads();
    expect(await connections()).toBe(1);
    // Also while the nodes did not agree yet there was only this one.
    expect(await ask(left, 'INFO', 'commandstats')).toMatch(/cmdstat_auth:calls=1,/);
    await fresh.close();
    await stop();
  });

  it('that went to a node that cannot be reached, or is no node, say of an increment that it was not applied', async () => {
    const { nodes, urls, stop } = await startCluster({ primaries: 2 });
    const [owner, gone] = nodes as [ServerProcess, ServerProcess];
    const keys = Array.from({ length: 50 }, (_, index) => `k${index}`);
    const owners = await Promise.all(keys.map((key) => ownerOf(nodes, key)));
    const key = keys[owners.indexOf(owner)] as string;
    const ends: [code: string, serve?: (socket: Socket) => unknown][] = [
      ['UNAVAILABLE'],
      ['UNAVAILABLE', (socket) => socket.on('error', () => undefined).once('data', () => socket.end())],
      ['BACKEND', (socket) => socket.on('error', () => undefined).once('data', () => socket.end('220 ready\r\n'))],
    ];
    // Each has the old slot map, until it is redirected.
    const backends = ends.map(() => redisBackend({ cluster: urls, timeoutMs: TIMEOUT_MS }));
    for (const each of backends) await each.multiGetValues(keys);
    const [slot, id] = [await ask(owner, 'CLUSTER', 'KEYSLOT', key), await ask(gone, 'CLUSTER', 'MYID')];
    await gone.stop();
    await ask(owner, 'CLUSTER', 'SETSLOT', slot, 'NODE', id);
    for (const [index, [code, serve]] of ends.entries()) {
      const other = serve && createServer(serve).listen(gone.port, '127.0.0.1');
      if (other !== undefined) await once(other, 'listening');
      const failure = await failureOf((backends[index] as CacheBackend).incr(key));
      expect(failure).toMatchObject({ code, maybeApplied: false });
      await backends[index]?.close();
      other?.close();
    }
    await stop();
  });

  it('of a node that is gone are found although a server of another protocol has its address', async () => {
    const { nodes, urls, stop } = await startCluster({ primaries: 2 });
    const [heir, gone] = nodes as [ServerProcess, ServerProcess];
    const fresh = redisBackend({ cluster: urls, timeoutMs: TIMEOUT_MS });
    const keys = Array.from({ length: 50 }, (_, index) => `k${index}`);
    await fresh.multiGetValues(keys);
    const range = /myself.* (\d+)-(\d+)/.exec(await ask(gone, 'CLUSTER', 'NODES'))?.slice(1) ?? [];
    for (const node of nodes) await ask(node, 'CLUSTER', 'DELSLOTSRANGE', ...range);
    await ask(heir, 'CLUSTER', 'ADDSLOTSRANGE', ...range);
    await gone.stop();
    const other = createServer((socket) => {
      socket.on('error', () => undefined).end('220 ready\r\n');
    }).listen(gone.port, '127.0.0.1');
    await once(other, 'listening');
    await expect
      .poll(() => settled(fresh.multiGetValues(keys)).catch(() => undefined))
      .toEqual(keys.map(() => undefined));
    await fresh.close();
    other.close();
    await stop();
  });
});

it('named nodes that cannot be reached are passed over for one that can, and reported if none can', async () => {
  const ports = await Promise.all(Array.from({ length: 3 }, () => freePort()));
  const down = ports.map((port) => `redis://${USER}:${PASSWORD}@127.0.0.1:${port}`);
  // Some nodes are asked at once, so the one that can be reached is tried at each place.
  for (let place = 0; place <= down.length; place++) {
    const fresh = redisBackend({ cluster: down.toSpliced(place, 0, cluster.urls[0] as string), timeoutMs: TIMEOUT_MS });
    expect(await fresh.getValue('none')).toBeUndefined();
    await fresh.close();
  }
  const lost = redisBackend({ cluster: down, timeoutMs: TIMEOUT_MS });
  const failure = await failureOf(lost.incr('n'));
  expect(failure).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied: false });
  expect(failure.message).toContain('cannot be reached (ECONNREFUSED)');
  await lost.close();
});

it('named nodes that do not answer are passed over within the deadline of a call', async () => {
  const silent = createServer(() => undefined);
  const url = `redis://${USER}:${PASSWORD}@127.0.0.1:${await listen(silent)}`;
  // The first one is asked last.
  const named = [cluster.urls[0] as string, ...Array.from({ length: 6 }, () => url)];
  const fresh = redisBackend({ cluster: named, timeoutMs: TIMEOUT_MS });
  await settled(fresh.setValue('k', 1));
  expect(await settled(fresh.getValue('k'))).toBe(1);
  await fresh.close();
  silent.close();
});

it('a backend that is closed asks no further node for the slots', async () => {
  let connections = 0;
  const silent = Array.from({ length: 40 }, () =>
    createServer(() => {
      connections += 1;
    }),
  );
  const ports = await Promise.all(silent.map(listen));
  const urls = ports.map((port) => `redis://127.0.0.1:${port}`);
  const closed = redisBackend({ cluster: urls, timeoutMs: 60_000 });
  const read = failureOf(closed.getValue('k'));
  await expect.poll(() => connections).toBeGreaterThan(0);
  await closed.close();
  expect((await read).code).toBe('CLOSED');
  // Time to connect.
  await sleep(100);
  const asked = connections;
  expect(asked).toBeLessThan(silent.length);
  await sleep(400);
  expect(connections).toBe(asked);
  for (const server of silent) server.close();
});
