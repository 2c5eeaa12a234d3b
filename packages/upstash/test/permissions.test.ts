import { type CacheBackend, scoped } from '@ninefold/core';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { UpstashFront } from '@ninefold/tooling/upstash-front';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { upstashBackend } from '../src/upstash.ts';

let server: ServerProcess;
let front: UpstashFront;
let backend: CacheBackend;

beforeAll(async () => {
  server = await startRedis();
  front = await UpstashFront.start({ redis: server, token: 't0ken' });
});

afterAll(async () => {
  await front.stop();
  await server.stop();
});

beforeEach(() => {
  backend = upstashBackend({ url: front.url, token: front.token, namespace: 'count', timeoutMs: 5000 });
});

afterEach(async () => {
  await backend.close();
  await ask(server, 'ACL', 'SETUSER', 'default', '+@all', '~*');
  await ask(server, 'FLUSHALL');
});

/** Takes rights from the user as whom the service runs the commands of a token. */
async function lacks(...commands: string[]): Promise<void> {
  await ask(server, 'ACL', 'SETUSER', 'default', ...commands.map((command) => `-${command}`));
}

it('counts at the ends of the range, and with a TTL, without PEXPIRE and DECRBY', async () => {
  await lacks('pexpire', 'decrby');
  await backend.setValue('n', Number.MAX_SAFE_INTEGER);
  await expect(backend.incr('n', 7)).rejects.toMatchObject({ code: 'COUNTER_RANGE', maybeApplied: false });
  expect(await backend.getValue('n')).toBe(Number.MAX_SAFE_INTEGER);
  expect(await backend.incr('n', -7, { ttl: 60 })).toBe(Number.MAX_SAFE_INTEGER - 7);
  expect(await ask(server, 'PTTL', 'count:n')).toBe('-1');
  expect(await backend.incr('tiny', 1, { ttl: 0.0001 })).toBe(1);
  expect(await backend.incr('new', -3, { ttl: 60 })).toBe(-3);
  expect(Number(await ask(server, 'PTTL', 'count:new'))).toBeGreaterThan(50_000);
});

it.each(['eval', 'set', 'incrby'])('counts nothing where %s is missing', async (missing) => {
  await lacks(missing);
  const incr = backend.incr('never', 1, missing === 'set' ? { ttl: 60 } : {});
  await expect(incr).rejects.toMatchObject({ code: 'AUTH', retryable: false, maybeApplied: false });
  expect(await ask(server, 'EXISTS', 'count:never')).toBe('0');
});

it('fails a read of a key that the token may not read, and none of those coalesced with it', async () => {
  await backend.multiSetValues([
    ['mine', 1],
    ['yours', 2],
    ['n', 3],
  ]);
  await ask(server, 'ACL', 'SETUSER', 'default', 'resetkeys', '~count:mine', '~count:n');
  front.requests.length = 0;
  const reads = [backend.getValue('mine'), backend.getValue('yours'), backend.exists('mine'), backend.getValue('n')];
  const [mine, yours, exists, n] = await Promise.allSettled(reads);
  expect([mine, exists, n]).toMatchObject([1, true, 3].map((value) => ({ status: 'fulfilled', value })));
  expect(yours).toMatchObject({ status: 'rejected', reason: { code: 'AUTH', key: 'yours' } });
  expect(front.requests.map(({ commands }) => commands)).toEqual([
    ['MGET', 'EXISTS'],
    ['MGET', 'MGET', 'MGET'],
  ]);
  front.requests.length = 0;
  await expect(backend.getValue('yours')).rejects.toMatchObject({ code: 'AUTH', key: 'yours' });
  expect(front.requests).toHaveLength(1);
});

it.each([
  ['meanwhile', [1500], [['MGET'], ['MGET']]],
  ['while they are read apart', [0, 1500], [['MGET'], ['MGET', 'MGET']]],
])('fails no read beside one whose key the token may not read and which ends %s', async (_, delays, requests) => {
  await backend.setValue('mine', 1);
  await ask(server, 'ACL', 'SETUSER', 'default', 'resetkeys', '~count:mine');
  const scope = scoped(backend, 'yours');
  front.requests.length = 0;
  for (const delayMs of delays) front.fail({ kind: 'delay', delayMs });
  const [yours, mine] = [scope.getValue('k'), backend.getValue('mine')];
  await Promise.all([scope.close(), expect(yours).rejects.toMatchObject({ code: 'CLOSED' })]);
  expect(await mine).toBe(1);
  expect(front.requests.map(({ commands }) => commands)).toEqual(requests);
});

it('answers an exists coalesced with a read of a key that the token may not read, though the request after it fails', async () => {
  await backend.setValue('mine', 1);
  await ask(server, 'ACL', 'SETUSER', 'default', 'resetkeys', '~count:mine');
  front.fail({ kind: 'delay', delayMs: 0 });
  front.fail({ kind: 'status', status: 429 });
  const reads = [backend.exists('mine'), backend.getValue('mine'), backend.getValue('yours')];
  const [exists, mine, yours] = await Promise.allSettled(reads);
  expect(exists).toEqual({ status: 'fulfilled', value: true });
  expect(mine).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE', key: 'mine' } });
  expect(yours).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE', key: 'yours' } });
});

it('fails a batch with a key that the token may not touch, and none of those beside it', async () => {
  await ask(server, 'ACL', 'SETUSER', 'default', 'resetkeys', '~count:m*');
  const mine = ['m1', 'm2'] as const;
  const mixed = ['m1', 'yours'] as const;
  const pairsOf = (keys: readonly string[]) => keys.map((key) => [key, key] as const);
  for (const call of [
    (keys: readonly string[]) => backend.multiSetValues(pairsOf(keys)),
    (keys: readonly string[]) => backend.multiSetValues(pairsOf(keys), { ttl: 60 }),
    (keys: readonly string[]) => backend.multiGetValues(keys),
    (keys: readonly string[]) => backend.deleteMany(keys),
  ]) {
    const [one, other, single] = await Promise.allSettled([call(mine), call(mixed), backend.getValue('m3')]);
    expect([one, single]).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }]);
    expect(other).toMatchObject({ status: 'rejected', reason: { code: 'AUTH', key: 'm1' } });
  }
});

it('stores nothing of a batch with a TTL where SET is missing', async () => {
  await lacks('set');
  const pairs = [
    ['a', 1],
    ['b', 2],
  ] as const;
  await expect(backend.multiSetValues(pairs, { ttl: 60 })).rejects.toMatchObject({ code: 'AUTH', retryable: false });
  expect(await ask(server, 'EXISTS', 'count:a', 'count:b')).toBe('0');
});
