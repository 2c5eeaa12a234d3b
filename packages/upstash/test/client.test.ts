import { once } from 'node:events';
import { createServer } from 'node:http';
import type { CacheBackend } from '@ninefold/core';
import { listen } from '@ninefold/tooling/servers/listen';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import type { UpstashFront } from '@ninefold/tooling/upstash-front';
import { Redis } from '@upstash/redis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { upstashBackend } from '../src/upstash.ts';
import { startFront } from './support/service.ts';

let front: UpstashFront;
let stop: () => Promise<void>;
let client: Redis;
let backend: CacheBackend;

beforeAll(async () => {
  ({ front, stop } = await startFront());
  client = new Redis(options());
  backend = upstashBackend({ client, namespace: 'client', timeoutMs: 3000 });
});

afterAll(async () => {
  await backend.close();
  await stop();
});

afterEach(() => front.heal());

function options() {
  return {
    url: front.url,
    token: front.token,
    automaticDeserialization: false,
    retry: { retries: 0 },
    enableTelemetry: false,
  } as const;
}

describe('a provided client', () => {
  it('does all nine operations', async () => {
    await backend.setValue('a', { at: new Date(0), text: '5', emoji: 'é😀' }, { ttl: 60 });
    expect(await backend.getValue('a')).toEqual({ at: new Date(0), text: '5', emoji: 'é😀' });
    await backend.multiSetValues([
      ['__proto__', 'null'],
      ['n', 41],
    ]);
    await backend.multiSetValues([['t', true]], { ttl: 60 });
    expect(await backend.incr('n')).toBe(42);
    expect(await backend.multiGetValues(['__proto__', 'n', 'x', 't'])).toEqual(['null', 42, undefined, true]);
    expect(await backend.exists('a')).toBe(true);
    expect(await backend.delete('a')).toBe(1);
    expect(await backend.deleteMany(['__proto__', 'n', 't', 'x'])).toBe(3);
  });

  it('rejects a response that does not match the request, whatever its client makes of it', async () => {
    const plain = upstashBackend({
      client: new Redis({ ...options(), responseEncoding: false }),
      timeoutMs: 3000,
    });
    for (const each of [backend, plain]) {
      for (const body of ['[]', '[null]', '[{"result":1},{"result":2}]', '{}', 'null', '5']) {
        front.fail({ kind: 'raw', body }, { times: 2 });
        expect(await failureOf(each.deleteMany(['a', 'b']))).toMatchObject({ code: 'BACKEND', maybeApplied: true });
        expect(await failureOf(each.getValue('a'))).toMatchObject({ code: 'BACKEND', key: 'a' });
      }
    }
    await plain.close();
  });

  it('that does not give one result for each command fails every call of the request', async () => {
    const changes: ((results: readonly unknown[]) => unknown)[] = [
      (results) => [...results, { result: 1 }],
      (results) => results.slice(1),
      () => ({ length: 2 }),
    ];
    for (const change of changes) {
      const pipeline = () => {
        const real = client.pipeline();
        const { exec } = real;
        return Object.assign(real, { exec: async () => change(await exec({ keepErrors: true })) });
      };
      const odd = upstashBackend({
        client: Object.create(client, { pipeline: { value: pipeline } }),
        timeoutMs: 10_000,
      });
      const failures = await Promise.all([odd.incr('a'), odd.incr('b')].map((call) => failureOf(call)));
      expect(failures).toMatchObject([
        { code: 'BACKEND', key: 'a', maybeApplied: true },
        { code: 'BACKEND', key: 'b', maybeApplied: true },
      ]);
      for (const { message } of failures) expect(message).toContain('does not match the request');
    }
  });

  it('that is too old to keep errors is reported as such', async () => {
    const pipeline = () => {
      const real = client.pipeline();
      const { exec } = real;
      return Object.assign(real, { exec: () => exec() });
    };
    const old = upstashBackend({ client: Object.create(client, { pipeline: { value: pipeline } }), timeoutMs: 10_000 });
    await backend.setValue('text', 'x');
    for (const call of [
      () => old.getValue('none'),
      () => old.setValue('k', 1),
      () => old.exists('k'),
      () => Promise.all([old.incr('k'), old.incr('client:text')]),
    ]) {
      const failure = await failureOf(call());
      expect(failure).toMatchObject({ code: 'BACKEND', maybeApplied: /set|incr/.test(failure.operation) });
      expect(failure.message).toContain('must be of @upstash/redis 1.39 or later');
    }
    await old.close();
  });

  it('reports maybeApplied for an error of no known meaning, which may be that of a failure after the command ran', async () => {
    for (const [status, error] of [
      [500, 'Internal Server Error'],
      [500, 'HTTP 500'],
      [502, 'ERR upstream'],
      [504, 'OK'],
    ] as const) {
      front.fail({ kind: 'raw', status, body: JSON.stringify({ error }) }, { times: 2 });
      // The client's message quotes the command: a value in it must not be taken for a refusal.
      for (const write of [() => backend.incr('n'), () => backend.setValue('k', 'ERR rate limit exceeded')]) {
        const failure = await failureOf(write(), ['rate limit']);
        expect(failure).toMatchObject({ code: 'BACKEND', maybeApplied: true, cause: { name: 'UpstashError' } });
        expect(failure.message).toContain('the service failed');
      }
    }
  });

  it('whose settings are wrong does not blame a response that never came', async () => {
    for (const backoff of [5, () => (undefined as unknown as { ms: number }).ms]) {
      const retry = { retries: 1, backoff: backoff as () => number };
      const wrong = new Redis({ ...options(), url: 'http://127.0.0.1:1', retry });
      const failure = await failureOf(upstashBackend({ client: wrong, timeoutMs: 10_000 }).getValue('k'));
      expect(failure).toMatchObject({ code: 'UNAVAILABLE', cause: { name: 'TypeError' } });
    }
  });

  it('that retries reports maybeApplied, although its last attempt was not sent', async () => {
    const server = createServer((request) => {
      server.close();
      request.resume().on('end', () => request.socket.destroy());
    });
    const ends = once(server, 'close');
    const url = `http://127.0.0.1:${await listen(server)}`;
    const again = new Redis({ url, token: 't0ken', automaticDeserialization: false, retry: { retries: 1 } });
    const failure = await failureOf(upstashBackend({ client: again, timeoutMs: 10_000 }).incr('k'));
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: true });
    expect(failure.message).toContain('ECONNREFUSED');
    await ends;
  });

  it('that aborts a request with its own signal rejects TIMEOUT', async () => {
    const aborted = (): AbortSignal => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 100);
      return controller.signal;
    };
    for (const [signal, name] of [
      [(): AbortSignal => AbortSignal.timeout(100), 'TimeoutError'],
      [aborted, 'AbortError'],
    ] as const) {
      const hasty = new Redis({ url: front.url, token: front.token, automaticDeserialization: false, signal });
      front.fail({ kind: 'hang' });
      const failure = await failureOf(upstashBackend({ client: hasty, timeoutMs: 10_000 }).incr('k'));
      expect(failure).toMatchObject({ code: 'TIMEOUT', maybeApplied: true, cause: { name } });
      expect(failure.message).toContain('the client gave up');
    }
  });

  it('that rejects with a reason that is no error loses the request, and nothing of the reason is shown', async () => {
    for (const reason of ['s3cret', null]) {
      const aborting = new Redis({ ...options(), signal: () => AbortSignal.abort(reason) });
      const failure = await failureOf(upstashBackend({ client: aborting, timeoutMs: 10_000 }).incr('k'), ['s3cret']);
      expect(failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: true, cause: { name: typeof reason } });
    }
  });

  it('is not closed with the backend', async () => {
    const closed = upstashBackend({ client, namespace: 'client' });
    await closed.close();
    expect(await client.set('client:still', 'open')).toBe('OK');
  });

  it('has its errors reported without the command, the value or the token that they quote', async () => {
    await backend.setValue('text', 's3cretValue');
    const secrets = [front.token, 's3cretValue'];
    expect((await failureOf(backend.incr('text'), secrets)).code).toBe('NOT_A_COUNTER');
    for (const [fault, code] of [
      [{ kind: 'status', status: 401 }, 'BACKEND'],
      [{ kind: 'raw', status: 401, body: '{"error":"WRONGPASS invalid or missing auth token"}' }, 'AUTH'],
      [{ kind: 'html' }, 'BACKEND'],
      [{ kind: 'drop-reply' }, 'UNAVAILABLE'],
      [{ kind: 'hang' }, 'TIMEOUT'],
    ] as const) {
      front.fail(fault);
      const failure = await failureOf(backend.setValue('text', 's3cretValue'), secrets);
      expect(failure.code).toBe(code);
    }
  });
});
