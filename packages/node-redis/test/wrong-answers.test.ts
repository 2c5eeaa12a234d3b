import type { CacheBackend } from '@ninefold/core';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { RewritingProxy } from '@ninefold/tooling/testing/rewriting-proxy';
import { tryOutOfStep, tryOutOfStepAfterSilence } from '@ninefold/tooling/testing/try-out-of-step';
import { tryProxyErrors } from '@ninefold/tooling/testing/try-proxy-errors';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { nodeRedisBackend } from '../src/node-redis.ts';

let server: ServerProcess;
let proxy: RewritingProxy;
let backend: CacheBackend;

beforeAll(async () => {
  server = await startRedis();
  proxy = await RewritingProxy.start(server);
});

afterAll(async () => {
  await proxy.stop();
  await server.stop();
});

beforeEach(async () => {
  backend = nodeRedisBackend({ url: `redis://127.0.0.1:${proxy.port}`, timeoutMs: 5000 });
  await backend.multiSetValues([
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ]);
});

afterEach(async () => {
  proxy.heal();
  await backend.close();
});

const pairs: [string, number][] = [
  ['a', 7],
  ['b', 7],
];

describe('an answer of the wrong shape', () => {
  it.each([
    ['no list', '+OK\r\n'],
    ['a list that is too short', '*1\r\n$1\r\n7\r\n'],
    ['a list that is too long', '*4\r\n$1\r\n7\r\n$1\r\n7\r\n$1\r\n7\r\n$1\r\n7\r\n'],
  ])('to a batch of reads is an error and no miss: %s', async (_, answer) => {
    proxy.rewrite = (answers) => answers.replace(/\*3\r\n.*/s, answer);
    expect(await failureOf(backend.multiGetValues(['a', 'b', 'c']))).toMatchObject({ code: 'BACKEND', key: 'a' });
  });

  it.each([
    ['setValue', () => backend.setValue('a', 7)],
    ['multiSetValues', () => backend.multiSetValues(pairs)],
    ['multiSetValues with a TTL', () => backend.multiSetValues(pairs, { ttl: 60 })],
    ['delete', () => backend.delete('a')],
    ['deleteMany', () => backend.deleteMany(['a', 'b'])],
    ['incr', () => backend.incr('a')],
  ])('to %s is no success', async (_, write) => {
    proxy.rewrite = () => '+QUEUED\r\n';
    expect(await failureOf(write())).toMatchObject({ code: 'BACKEND', maybeApplied: true, key: 'a' });
  });

  it.each([
    ['no number', '+QUEUED\r\n'],
    ['nothing', '$-1\r\n'],
  ])('to what is counted is neither a number nor a yes: %s', async (_, answer) => {
    proxy.rewrite = () => answer;
    for (const call of [() => backend.exists('a'), () => backend.delete('a'), () => backend.incr('a')])
      expect(await failureOf(call())).toMatchObject({ code: 'BACKEND', key: 'a' });
  });

  it('to a read is an error, not a miss', async () => {
    proxy.rewrite = () => '*1\r\n$1\r\n7\r\n';
    expect(await failureOf(backend.getValue('a'))).toMatchObject({ code: 'BACKEND', key: 'a' });
  });
});

describe('a node of a cluster', () => {
  it.each([
    'MOVED 1234 10.0.0.1:6379',
    'ASK 1234 10.0.0.1:6379',
    "CROSSSLOT Keys in request don't hash to the same slot",
  ])('rejects with an error that names the right package: %s', async (refusal) => {
    proxy.rewrite = () => `-${refusal}\r\n`;
    const failure = await failureOf(backend.getValue('a'));
    expect(failure).toMatchObject({ code: 'BACKEND', retryable: false });
    expect(failure.message).toContain('a node of a Redis Cluster');
  });
});

it('a reply that has taken in the next one ends its connection, and no other call gets the reply of its neighbour', () =>
  tryOutOfStep(backend, proxy));

it('a reply that is lost does not shift those after it either if they come after a silence', () => {
  const open = (timeoutMs: number): CacheBackend =>
    nodeRedisBackend({ url: `redis://127.0.0.1:${proxy.port}`, timeoutMs });
  return tryOutOfStepAfterSilence(open, proxy, server);
});

it('a server in protected mode is reported as such', async () => {
  proxy.rewrite = () => '-DENIED Redis is running in protected mode because protected mode is enabled\r\n';
  const refusal = await failureOf(backend.setValue('a', 7));
  expect(refusal).toMatchObject({ code: 'AUTH', retryable: false, maybeApplied: false });
  expect(refusal.message).toContain('the server is in protected mode');
});

describe('the error of a script on Redis 6', () => {
  it.each([
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'NOT_A_COUNTER', 'WRONGTYPE'],
    ["-READONLY You can't write against a read only replica.", 'BACKEND', 'READONLY'],
    ["-OOM command not allowed when used memory > 'maxmemory'.", 'BACKEND', 'OOM'],
  ])('is found behind its position in the script: %s', async (refusal, code, cause) => {
    const place = 'ERR Error running script (call to f_0123456789abcdef): @user_script:7: @user_script: 7: ';
    proxy.rewrite = () => `-${place}${refusal}\r\n`;
    expect(await failureOf(backend.incr('n'))).toMatchObject({ code, maybeApplied: false, cause: { code: cause } });
  });
});

tryProxyErrors(() => ({ backend, proxy }));
