import { type CacheBackend, scoped } from '@ninefold/core';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { keptOf } from '@ninefold/tooling/testing/kept';
import { RewritingProxy } from '@ninefold/tooling/testing/rewriting-proxy';
import type { UpstashFront } from '@ninefold/tooling/upstash-front';
import { Redis } from '@upstash/redis';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { upstashBackend } from '../src/upstash.ts';
import { startFront } from './support/service.ts';

let front: UpstashFront;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ front, stop } = await startFront());
});

afterAll(() => stop());
afterEach(() => front.heal());

/** A backend, and the options of each fetch that it has made. */
function watched(timeoutMs: number) {
  const requests: RequestInit[] = [];
  const watching: typeof fetch = (url, init = {}) => {
    requests.push(init);
    return fetch(url, init);
  };
  const backend = upstashBackend({ url: front.url, token: front.token, namespace: 'r', timeoutMs, fetch: watching });
  return { backend, requests };
}

describe('a request', () => {
  it('is aborted after the deadline of its calls, and when its backend closes', async () => {
    front.fail({ kind: 'hang' }, { times: 3 });
    const { backend, requests } = watched(100);
    expect((await failureOf(backend.incr('n'))).code).toBe('TIMEOUT');
    await expect.poll(() => requests[0]?.signal?.aborted).toBe(true);
    const patient = watched(60_000);
    const calls = [failureOf(patient.backend.incr('n')), failureOf(patient.backend.getValue('n'))];
    await expect.poll(() => patient.requests.length).toBe(2);
    await patient.backend.close();
    for (const call of calls) expect((await call).code).toBe('CLOSED');
    expect(patient.requests.map(({ signal }) => signal?.aborted)).toEqual([true, true]);
    await backend.close();
  });

  it('is not sent once its calls have rejected, though it waited for a connection until then', async () => {
    let free = (): void => undefined;
    const connection = new Promise<void>((resolve) => {
      free = resolve;
    });
    const pooled: typeof fetch = (url, init) => connection.then(() => fetch(url, init));
    const backend = upstashBackend({ url: front.url, token: front.token, timeoutMs: 100, fetch: pooled });
    const writes = [backend.setValue('late', 1), backend.incr('late'), backend.multiSetValues([['late', 1]])];
    for (const failure of await Promise.all(writes.map((write) => failureOf(write))))
      expect(failure.code).toBe('TIMEOUT');
    front.requests.length = 0;
    free();
    const { backend: direct } = watched(10_000);
    await direct.getValue('k');
    await front.settled();
    expect(front.requests.map(({ commands }) => commands)).toEqual([['MGET']]);
    await Promise.all([backend.close(), direct.close()]);
  });

  it('continues for its other calls when its first and its last belong to a scope that closes', async () => {
    const { backend, requests } = watched(20_000);
    const incr = (each: CacheBackend) => each.incr('shared');
    const get = (each: CacheBackend) => each.getValue('shared');
    const exists = (each: CacheBackend) => each.exists('shared');
    for (const [call, callBetween, result] of [
      [incr, incr, 1],
      [get, get, 1],
      [get, exists, true],
    ] as const) {
      const scope = scoped(backend, 'scope');
      requests.length = 0;
      front.fail({ kind: 'delay', delayMs: 1500 });
      const first = failureOf(call(scope));
      const other = callBetween(backend);
      const last = failureOf(call(scope));
      await scope.close();
      for (const closed of [first, last]) expect((await closed).code).toBe('CLOSED');
      expect(await other).toBe(result);
      expect(requests.length).toBe(1);
    }
    await backend.close();
  });

  it('leaves neither a signal nor a timer in the process after its response', async () => {
    const { backend, requests } = watched(60_000);
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    for (let round = 0; round < 50; round++) await backend.getValue('k');
    const signals = requests.splice(0).map(({ signal }) => new WeakRef(signal as AbortSignal));
    await expect.poll(() => keptOf(signals)).toBeLessThan(5);
    expect(timers() - before).toBeLessThan(5);
    await backend.close();
  });

  it('loses no response that arrived while the event loop was blocked beyond the deadline', async () => {
    const proxy = await RewritingProxy.start({ host: '127.0.0.1', port: front.port });
    const timeoutMs = 2000;
    const backend = upstashBackend({ url: `http://127.0.0.1:${proxy.port}`, token: front.token, timeoutMs });
    await backend.setValue('k', 'v');
    proxy.rewrite = (answer) => {
      proxy.heal();
      const end = performance.now() + 1.5 * timeoutMs;
      while (performance.now() < end);
      return answer;
    };
    expect(await backend.incr('n')).toBe(1);
    await backend.close();
    await proxy.stop();
  });

  it('asks Next.js not to cache its response', async () => {
    const { backend, requests } = watched(10_000);
    await backend.getValue('k');
    expect(requests).toMatchObject([{ cache: 'no-store' }]);
    await backend.close();
  });

  it('that Next.js refuses while it prerenders a page was not sent, is not tried again, and says what to do', async () => {
    let requests = 0;
    const prerendering = async (): Promise<never> => {
      requests += 1;
      throw Object.assign(new Error('s3cret'), { digest: 'DYNAMIC_SERVER_USAGE' });
    };
    const client = new Redis({ request: prerendering });
    // @ts-expect-error: the constructor does not take it beside a requester.
    client.opts = { automaticDeserialization: false };
    for (const options of [{ url: front.url, token: front.token, fetch: prerendering }, { client }]) {
      const backend = upstashBackend(options);
      for (const call of [() => backend.getValue('k'), () => backend.incr('k'), () => backend.deleteMany(['k', 'l'])]) {
        requests = 0;
        const failure = await failureOf(call(), ['s3cret']);
        expect(failure).toMatchObject({ code: 'BACKEND', retryable: false, cause: { code: 'DYNAMIC_SERVER_USAGE' } });
        expect(failure.message).toContain('prerenders a page: call');
        expect(requests).toBe(1);
        if ('url' in options) expect(failure.maybeApplied).toBe(false);
      }
      await backend.close();
    }
  });

  it('is sent by the current global fetch, which may have been wrapped meanwhile', async () => {
    const backend = upstashBackend({ url: front.url, token: front.token });
    const wrapped = vi.spyOn(globalThis, 'fetch');
    await backend.getValue('k');
    expect(wrapped).toHaveBeenCalledOnce();
    wrapped.mockRestore();
    await backend.close();
  });

  it('is sent by a fetch with types of its own, as Bun and undici have', async () => {
    const requests: unknown[] = [];
    const own = async (url: string | URL, { body }: { body?: string | ReadableStream; dispatcher?: object } = {}) => {
      requests.push([url, body]);
      return { ok: true, status: 200, headers: new Headers(), text: async () => '[{"result":1}]' };
    };
    const backend = upstashBackend({ url: front.url, token: front.token, fetch: own });
    expect(await backend.delete('k')).toBe(1);
    expect(requests).toEqual([[`${front.url}/pipeline`, '[["unlink","k"]]']]);
    await backend.close();
  });

  it('shows only the name and the code of an error from fetch', async () => {
    for (const [thrown, shown] of [
      [{ code: 's3cret' }, { name: 'TypeError' }],
      [{ code: 's3cret EPIPE', cause: null }, { name: 'TypeError' }],
      [{ code: 'EPIPE s3cret' }, { name: 'TypeError' }],
      [{ cause: { cause: { cause: { code: 'EPIPE' } } } }, { name: 'TypeError', code: 'EPIPE' }],
      // No deeper, because causes may refer to each other.
      [{ cause: { cause: { cause: { cause: { code: 'EPIPE' } } } } }, { name: 'TypeError' }],
    ] as const) {
      const failing = async (): Promise<never> => {
        throw Object.assign(new TypeError('s3cret'), thrown);
      };
      const backend = upstashBackend({ url: front.url, token: front.token, fetch: failing });
      const failure = await failureOf(backend.incr('k'), ['s3cret', front.token]);
      expect(failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: true, cause: shown });
      const code = 'code' in shown ? ` (${shown.code})` : '';
      expect(failure.message).toBe(`[upstash] incr "k": the request was lost${code}`);
    }
  });

  it('is lost when fetch rejects with something that is no error, of which nothing is shown', async () => {
    for (const thrown of ['s3cret', undefined, null]) {
      const failing = (): Promise<never> => Promise.reject(thrown);
      const backend = upstashBackend({ url: front.url, token: front.token, fetch: failing });
      for (const write of [backend.incr('k'), backend.deleteMany(['k', 'l'])]) {
        const failure = await failureOf(write, ['s3cret', front.token]);
        expect(failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: true, cause: { name: typeof thrown } });
      }
      await backend.close();
    }
  });

  it('that failed before it could be sent was not applied, and one that failed later may have been', async () => {
    const unsent = ['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'];
    const untrusted = ['ERR_TLS_CERT_ALTNAME_INVALID', 'CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT'];
    const unchained = ['SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'];
    const lost = ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT'];
    for (const [cause, maybeApplied] of [
      ...[...unsent, ...untrusted, ...unchained].map((code) => [{ code }, false] as const),
      ...lost.map((code) => [{ code }, true] as const),
      [{ code: 'EHOSTUNREACH', syscall: 'connect' }, false],
      // Of an open connection, as Linux ends it when the host can no longer be reached.
      [{ code: 'EHOSTUNREACH', syscall: 'read' }, true],
      [{ code: 'ENETUNREACH', syscall: 'write' }, true],
    ] as const) {
      const failing = async (): Promise<never> => {
        throw new TypeError('fetch failed', { cause });
      };
      const backend = upstashBackend({ url: front.url, token: front.token, fetch: failing });
      const reason = maybeApplied ? 'the request was lost' : 'cannot be reached';
      for (const write of [backend.incr('k'), backend.deleteMany(['k', 'l'])]) {
        const failure = await failureOf(write);
        expect(failure).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied });
        expect(failure.message).toContain(`${reason} (${cause.code})`);
      }
      await backend.close();
    }
  });

  it('that a browser reports as redirected rejects BACKEND', async () => {
    const redirected = async (): Promise<Response> => Response.error();
    const backend = upstashBackend({ url: front.url, token: front.token, fetch: redirected });
    const failure = await failureOf(backend.incr('k'));
    expect(failure).toMatchObject({ code: 'BACKEND', maybeApplied: false, cause: { code: '0' } });
    expect(failure.message).toContain('the address redirects');
    await backend.close();
  });

  it('works with an address that ends in slashes, and with a scheme in capitals', async () => {
    const backend = upstashBackend({ url: `${front.url.replace('http:', 'HTTP:')}//`, token: front.token });
    await backend.setValue('below', 1);
    expect(await backend.getValue('below')).toBe(1);
    await backend.close();
  });
});
