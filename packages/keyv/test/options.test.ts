import { inspect } from 'node:util';
import KeyvRedis from '@keyv/redis';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { describe, expect, it } from 'vitest';
import { type KeyvBackendOptions, keyvBackend } from '../src/keyv.ts';

describe('keyvBackend', () => {
  it.each([
    ['no options', 'store is missing', undefined],
    ['no store', 'store is missing', {}],
    ['a store in place of the options', 'store is missing', new Map()],
    ['a store without methods', 'store must have the methods', { store: { get: 1 } }],
    ['a namespace with a colon', 'namespace must be', { store: new Map(), namespace: 'a:b' }],
    ['a timeoutMs of null', 'timeoutMs must be', { store: new Map(), timeoutMs: null }],
  ])('refuses %s at once', (_what, reason, options) => {
    expect(() => keyvBackend(options as KeyvBackendOptions)).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTIONS',
        backend: 'keyv',
        message: expect.stringContaining(`create: ${reason}`),
      }),
    );
  });

  it('reads an entry that Keyv itself or another program wrote as CORRUPT, and can overwrite it', async () => {
    const store = new Map([
      ['envelope', '{"value":1}'],
      ['date', 'soon|1'],
    ]);
    const cache = keyvBackend({ store });
    for (const key of store.keys()) {
      await expect(cache.getValue(key)).rejects.toMatchObject({ code: 'CORRUPT', key });
      expect(await cache.exists(key)).toBe(true);
      await cache.setValue(key, 1);
      expect(await cache.getValue(key)).toBe(1);
    }
  });

  it('rejects UNAVAILABLE if the server is gone, and shows no password', async () => {
    const { host, port, stop } = await startRedis(['--requirepass', 's3cret']);
    const store = new KeyvRedis<string>(`redis://:s3cret@${host}:${port}`, { throwOnErrors: true });
    store.on('error', () => undefined);
    const cache = keyvBackend({ store, timeoutMs: 500 });
    await cache.setValue('k', 's3cretValue');
    await stop();
    const failure: unknown = await cache.setValue('k', 's3cretValue').catch((error: unknown) => error);
    expect(failure).toMatchObject({ retryable: true, maybeApplied: true });
    expect(['UNAVAILABLE', 'TIMEOUT']).toContain((failure as { code: string }).code);
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain('s3cret');
    await cache.close();
    await store.disconnect(true);
  });
});
