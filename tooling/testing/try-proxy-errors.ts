import type { CacheBackend } from '@ninefold/core';
import { expect, it } from 'vitest';
import { failureOf } from './failure-of.ts';
import type { RewritingProxy } from './rewriting-proxy.ts';

/** Defines the tests of a Redis adapter's errors when a proxy before the server answers that it has lost it. */
export function tryProxyErrors(opened: () => { readonly backend: CacheBackend; readonly proxy: RewritingProxy }): void {
  const writes = (backend: CacheBackend): readonly (() => Promise<unknown>)[] => [
    () => backend.setValue('a', 7),
    () => backend.incr('a'),
    () => backend.delete('a'),
  ];

  it('an unknown error reply, which may come from a proxy that passed the command on, is reported without its text', async () => {
    const { backend, proxy } = opened();
    proxy.rewrite = () => '-Denied to s3cret by the API gateway\r\n';
    for (const call of writes(backend))
      expect(await failureOf(call(), ['s3cret'])).toMatchObject({
        code: 'BACKEND',
        retryable: false,
        maybeApplied: true,
        cause: { code: 'ERR' },
      });
  });

  it.each([
    ['Envoy', 'upstream failure', true, 'the proxy has lost the server'],
    ['Twemproxy', 'ERR Connection timed out', true, 'the proxy has lost the server'],
    ['Twemproxy on Alpine', 'ERR Operation timed out', true, 'the proxy has lost the server'],
    ['Twemproxy', 'ERR Connection reset by peer', true, 'the proxy has lost the server'],
    ['Twemproxy', 'ERR Broken pipe', true, 'the proxy has lost the server'],
    ['Twemproxy', 'ERR unknown', true, 'the proxy has lost the server'],
    ['Envoy', 'no upstream host', false, 'the proxy cannot reach the server'],
    ['Twemproxy', 'ERR Connection refused', false, 'the proxy cannot reach the server'],
  ])(
    'of %s the reply %j is UNAVAILABLE, and a write may have been applied: %s',
    async (_, reply, maybeApplied, reason) => {
      const { backend, proxy } = opened();
      proxy.rewrite = () => `-${reply}\r\n`;
      const message = expect.stringContaining(reason);
      for (const call of writes(backend))
        expect(await failureOf(call())).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied, message });
    },
  );
}
