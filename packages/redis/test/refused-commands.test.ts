import { connect, createServer } from 'node:net';
import type { CacheBackend } from '@ninefold/core';
import { listen } from '@ninefold/tooling/servers/listen';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask, startRedis } from '@ninefold/tooling/servers/redis';
import { RewritingProxy } from '@ninefold/tooling/testing/rewriting-proxy';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { redisBackend } from '../src/redis.ts';

let server: ServerProcess;
let backend: CacheBackend;

beforeAll(async () => {
  server = await startRedis();
});

afterAll(() => server.stop());

beforeEach(async () => {
  await ask(server, 'ACL', 'SETUSER', 'default', 'reset', 'on', 'nopass', '~*', '+@all');
  backend = redisBackend({ url: `redis://127.0.0.1:${server.port}`, timeoutMs: 5000 });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await backend.close();
});

const pairs = [...'abc'].map((key) => [key, 1] as const);
const keys = pairs.map(([key]) => key);

/** How often the server ran or refused each command meanwhile. */
async function commandsOf(work: () => Promise<unknown>): Promise<Map<string, number>> {
  await ask(server, 'CONFIG', 'RESETSTAT');
  await work();
  const stats = await ask(server, 'INFO', 'commandstats');
  const lines = stats.matchAll(/cmdstat_([a-z]+):calls=(\d+).*rejected_calls=(\d+)/g);
  return new Map([...lines].map(([, name, calls, refused]) => [String(name), Number(calls) + Number(refused)]));
}

it('a command that the user may not run is tried again a minute later, and not before', async () => {
  const work = async (): Promise<void> => {
    await backend.multiSetValues(pairs);
    await backend.multiSetValues(pairs, { ttl: 60 });
    expect(await backend.multiGetValues(keys)).toEqual([1, 1, 1]);
    expect(await backend.deleteMany(keys)).toBe(3);
    await backend.incr('n');
  };
  const names = ['mset', 'eval', 'mget', 'unlink', 'evalsha'];
  const used = async (): Promise<string[]> => {
    const commands = await commandsOf(work);
    return names.filter((name) => commands.has(name));
  };
  await backend.incr('n');
  await ask(server, 'ACL', 'SETUSER', 'default', ...names.filter((name) => name !== 'eval').map((name) => `-${name}`));
  expect(await used()).toEqual(names);
  expect(await used()).toEqual(['eval']);
  const now = performance.now.bind(performance);
  const later = (ms: number): unknown => vi.spyOn(performance, 'now').mockImplementation(() => now() + ms);
  later(40_000);
  expect(await used()).toEqual(['eval']);
  later(60_000);
  expect(await used()).toEqual(names);
  await ask(server, 'ACL', 'SETUSER', 'default', '+@all');
  for (const [ms, usable] of [
    [60_000, ['eval']],
    [100_000, ['eval']],
    [120_000, names],
  ] as const) {
    later(ms);
    expect(await used()).toEqual(usable);
  }
});

it('concurrent batches probe the server once, and again a minute later if it does not know MSETEX', async () => {
  const store = (): Promise<void> => backend.multiSetValues(pairs, { ttl: 60 });
  const used = (): Promise<Map<string, number>> => commandsOf(() => Promise.all([store(), store(), store()]));
  const first = await used();
  expect([first.get('hello'), first.get('set')]).toEqual([1, 9]);
  const second = await used();
  expect(second.get('hello')).toBeUndefined();
  expect(second.get('msetex') ?? second.get('eval')).toBe(3);
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() + 60_000);
  expect((await used()).get('hello')).toBe(second.has('msetex') ? undefined : 1);
});

it('a script that the server has forgotten is loaded once', async () => {
  const count = (): Promise<number> => backend.incr('n');
  await count();
  await ask(server, 'SCRIPT', 'FLUSH');
  const commands = await commandsOf(async () => [await count(), await count(), await count()]);
  expect([commands.get('eval'), commands.get('evalsha')]).toEqual([1, 3]);
});

it('a key that the user may not use does not slow down batches without it', async () => {
  await backend.multiSetValues(pairs);
  await ask(server, 'ACL', 'SETUSER', 'default', 'resetkeys', '~a', '~b', '~c');
  await expect(backend.multiGetValues([...keys, 'theirs'])).rejects.toMatchObject({ code: 'AUTH', key: 'theirs' });
  const commands = await commandsOf(async () => {
    expect(await backend.multiGetValues(keys)).toEqual([1, 1, 1]);
  });
  expect([commands.get('mget'), commands.get('get')]).toEqual([1, undefined]);
});

it('a probe for which a proxy closes the connection is repeated a minute later, and then once an hour', async () => {
  let [asked, ends] = [0, true];
  const proxy = createServer((client) => {
    const upstream = connect(server.port, server.host);
    upstream.pipe(client);
    client.on('data', (bytes) => {
      const isAsked = bytes.includes('hello');
      if (isAsked) asked += 1;
      if (isAsked && ends) client.destroy();
      else upstream.write(bytes);
    });
    for (const socket of [client, upstream]) {
      socket.on('error', () => undefined);
      socket.on('close', () => [client, upstream].forEach((other) => void other.destroy()));
    }
  });
  const behind = redisBackend({ url: `redis://127.0.0.1:${await listen(proxy)}`, timeoutMs: 5000 });
  const now = performance.now.bind(performance);
  const later = (ms: number): unknown => vi.spyOn(performance, 'now').mockImplementation(() => now() + ms);
  const store = (): Promise<void> => behind.multiSetValues(pairs, { ttl: 60 });
  for (const ms of [0, 60_000]) {
    later(ms);
    await expect(store()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await store();
    expect(await behind.multiGetValues(keys)).toEqual([1, 1, 1]);
  }
  expect(asked).toBe(2);
  ends = false;
  later(3_600_000);
  await store();
  expect(asked).toBe(2);
  later(3_660_000);
  await store();
  expect(asked).toBe(3);
  const commands = await commandsOf(store);
  expect(commands.has('msetex') || commands.has('eval')).toBe(true);
  await behind.close();
  proxy.close();
});

describe('a probe', () => {
  let proxy: RewritingProxy;
  let behind: CacheBackend;

  beforeEach(async () => {
    proxy = await RewritingProxy.start(server);
    behind = redisBackend({ url: `redis://127.0.0.1:${proxy.port}`, timeoutMs: 5000 });
  });

  afterEach(async () => {
    await behind.close();
    await proxy.stop();
  });

  const refuse = (words: string) => (reply: string) =>
    reply.replace(/-ERR (?:unknown command 'MSETEX'|invalid numkeys)[^\r]*/i, `-${words}`);
  const store = (): Promise<void> => behind.multiSetValues(pairs, { ttl: 60 });
  /** How often commands were refused during one batch, or `MSETEX` was run. */
  const triesOf = async (commands: Map<string, number>): Promise<number> => {
    const [, refused = '0'] = /errorstat_ERR:count=(\d+)/.exec(await ask(server, 'INFO', 'errorstats')) ?? [];
    return Math.max(Number(refused), commands.get('msetex') ?? 0);
  };

  it.each([
    ["NOPERM this user has no permissions to run the 'msetex' command", undefined],
    ['ERR command is disabled', undefined],
    ['OOM command not allowed', 1],
  ])(
    'that is refused with %s is repeated by the next batch if that may help, else a minute later',
    async (words, next) => {
      proxy.rewrite = refuse(words);
      const probes = async (): Promise<unknown> => (await commandsOf(store)).get('hello');
      expect(await probes()).toBe(1);
      expect(await probes()).toBe(next);
      const now = performance.now.bind(performance);
      vi.spyOn(performance, 'now').mockImplementation(() => now() + 60_000);
      expect(await probes()).toBe(1);
    },
  );

  it('that shows that the server knows MSETEX has it used', async () => {
    proxy.rewrite = refuse('ERR invalid numkeys value');
    await store();
    proxy.heal();
    expect(await triesOf(await commandsOf(store))).toBe(1);
  });

  it.each([
    ['is part of a cluster', '$7\r\ncluster'],
    ['is a proxy, which may shard keys', '$5\r\nproxy'],
  ])('that shows that the server %s has each key set by its own command, although it knows MSETEX', async (_, mode) => {
    proxy.rewrite = (reply) => refuse('ERR invalid numkeys value')(reply.replace('$10\r\nstandalone', mode));
    await store();
    proxy.heal();
    const commands = await commandsOf(store);
    expect(await triesOf(commands)).toBe(0);
    expect(['set', 'eval', 'hello'].map((name) => commands.get(name))).toEqual([3, undefined, undefined]);
  });
});

it('a batch with a TTL is a SET for each key unless the server is known to be standalone', async () => {
  const sharding = await startRedis(['--rename-command', 'HELLO', '']);
  const behind = redisBackend({ url: `redis://127.0.0.1:${sharding.port}`, timeoutMs: 5000 });
  for (let batch = 0; batch < 3; batch++) await behind.multiSetValues(pairs, { ttl: 60 });
  expect(await behind.multiGetValues(keys)).toEqual([1, 1, 1]);
  expect(await behind.incr('n', 1, { ttl: 60 })).toBe(1);
  const stats = await ask(sharding, 'INFO', 'commandstats');
  expect(stats).toContain('cmdstat_set:calls=10');
  expect(stats).toContain('cmdstat_eval:calls=1,');
  await behind.close();
  await sharding.stop();
});

it('an unknown command is replaced where possible, and not sent again', async () => {
  const unknown = ['MGET', 'MSET', 'UNLINK', 'EVALSHA', 'EXISTS'].flatMap((name) => ['--rename-command', name, '']);
  const older = await startRedis(unknown);
  const behind = redisBackend({ url: `redis://127.0.0.1:${older.port}`, timeoutMs: 5000 });
  const work = async (): Promise<void> => {
    await behind.multiSetValues(pairs);
    expect(await behind.multiGetValues(keys)).toEqual([1, 1, 1]);
    expect([await behind.incr('a'), await behind.incr('a')]).toEqual([2, 3]);
    expect(await behind.deleteMany(keys)).toBe(3);
  };
  await work();
  await ask(older, 'CONFIG', 'RESETSTAT');
  await work();
  expect(await ask(older, 'INFO', 'errorstats')).not.toContain('errorstat_');
  await expect(behind.exists('a')).rejects.toMatchObject({
    code: 'BACKEND',
    retryable: false,
    message: '[redis] exists "a": the server does not know the command: EXISTS',
  });
  await behind.close();
  await older.stop();
});
