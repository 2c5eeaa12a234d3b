import { setTimeout as sleep } from 'node:timers/promises';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { until } from '@ninefold/tooling/servers/until';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memcachedBackend } from '../src/memcached.ts';

let server: ServerProcess;
let servers: string;

beforeAll(async () => {
  server = await startMemcached();
  servers = `${server.host}:${server.port}`;
});

afterAll(() => server.stop());

const pairs = [
  ['a', 1],
  ['b', 2],
] as const;
/** A batch of several parts. */
const large = Array.from({ length: 30_000 }, (_, index) => [`l${index}`, index] as const);

describe('a request that was not sent', () => {
  it('is reported as such where there is no server, batches too', async () => {
    const backend = memcachedBackend({ servers: '127.0.0.1:1', timeoutMs: 20_000 });
    const calls = [
      backend.setValue('a', 1),
      backend.multiSetValues(pairs),
      backend.multiSetValues(large),
      backend.deleteMany(['a']),
      backend.incr('n'),
    ];
    for (const failure of await Promise.all(calls.map((call) => failureOf(call)))) {
      expect(failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: false });
      expect(failure.message).not.toContain('TLS');
    }
    await backend.close();
  });

  it('is reported with the caller’s key, not the stored one', async () => {
    const backend = memcachedBackend({ servers: '127.0.0.1:1', namespace: 'ns' });
    const key = 'a key with spaces';
    const calls = [
      backend.getValue(key),
      backend.setValue(key, 1),
      backend.exists(key),
      backend.delete(key),
      backend.incr(key),
    ];
    for (const call of [
      ...calls,
      backend.multiGetValues([key]),
      backend.multiSetValues([[key, 1]]),
      backend.deleteMany([key]),
    ])
      expect((await failureOf(call)).key).toBe(key);
    await backend.close();
  });

  it('is reported as such where a server accepts the connection and does not respond', async () => {
    await server.pause();
    const backend = memcachedBackend({ servers, timeoutMs: 300 });
    for (const failure of await Promise.all(
      [backend.multiSetValues(pairs), backend.incr('n')].map((call) => failureOf(call)),
    )) {
      expect(['TIMEOUT', 'UNAVAILABLE']).toContain(failure.code);
      expect(failure.maybeApplied).toBe(false);
    }
    server.resume();
    await backend.close();
  });

  it('is told from those that were, when the connection ends while it waits behind them', async () => {
    const mortal = await startMemcached();
    const backend = memcachedBackend({ servers: `${mortal.host}:${mortal.port}`, timeoutMs: 20_000 });
    await backend.setValue('k', 1);
    await mortal.pause();
    const text = 'x'.repeat(1_000_000);
    const large = Array.from({ length: 20 }, (_, index) => failureOf(backend.setValue(`l${index}`, text)));
    // Until the socket's buffers are full.
    await sleep(100);
    const late = failureOf(backend.setValue('late', 1));
    await mortal.kill();
    expect(await large[0]).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: true });
    expect(await late).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: false });
    await Promise.all(large);
    await backend.close();
    await mortal.stop();
  });

  it('is not sent later, after its call has waited behind a large one and rejected', async () => {
    const backend = memcachedBackend({ servers, timeoutMs: 500 });
    const direct = memcachedBackend({ servers, timeoutMs: 10_000 });
    await until('it is connected', () =>
      backend.exists('warm').then(
        () => true,
        () => false,
      ),
    );
    await server.pause();
    const texts = Array.from({ length: 50 }, (_, index): [string, string] => [`l${index}`, 'x'.repeat(1_000_000)]);
    const batch = failureOf(backend.multiSetValues(texts));
    // Until the socket's buffers are full.
    await sleep(100);
    const late = [backend.setValue('late', 1), backend.incr('late'), backend.multiSetValues([['late', 1]])];
    for (const { maybeApplied } of await Promise.all(late.map((call) => failureOf(call)))) {
      expect(maybeApplied).toBe(false);
    }
    expect(await batch).toMatchObject({ maybeApplied: true });
    server.resume();
    // Time for whatever is on its way.
    await sleep(1000);
    expect(await direct.getValue('late')).toBeUndefined();
    await until('the backend works again', () =>
      backend.setValue('warm', 2).then(
        () => true,
        () => false,
      ),
    );
    await Promise.all([backend.close(), direct.close()]);
  });
});
