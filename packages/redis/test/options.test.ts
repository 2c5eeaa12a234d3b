import { inspect } from 'node:util';
import { isCacheError } from '@ninefold/core';
import { describe, expect, it, vi } from 'vitest';
import { type RedisBackendOptions, redisBackend } from '../src/redis.ts';

function refusalOf(options: unknown): unknown {
  try {
    redisBackend(options as RedisBackendOptions);
  } catch (error) {
    return error;
  }
  return undefined;
}

async function failureOf(call: Promise<unknown>) {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isCacheError(error)) throw new Error('no CacheError', { cause: error });
  return error;
}

describe('redisBackend', () => {
  const refused: [string, unknown][] = [
    ['no options', undefined],
    ['url: undefined, as process.env gives it', { url: undefined }],
    ['an empty url', { url: '' }],
    ['what is no url', { url: 's3cret@host' }],
    ['an http url', { url: 'http://user:s3cret@host' }],
    ['a url without a host', { url: 'redis:///0' }],
    ['a timeoutMs of 0', { url: 'redis://127.0.0.1', timeoutMs: 0 }],
    ['a namespace with a colon', { url: 'redis://127.0.0.1', namespace: 'a:b' }],
  ];
  for (const [what, options] of refused) {
    it(`refuses ${what} at once and quotes nothing of it`, () => {
      const refusal = refusalOf(options);
      expect(refusal).toMatchObject({ code: 'INVALID_OPTIONS', operation: 'create', backend: 'redis' });
      expect(inspect(refusal)).not.toContain('s3cret');
    });
  }

  it('makes a backend without I/O, timer or random number, and shows no password', () => {
    const spies = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(Math, 'random')];
    const backend = redisBackend(Object.freeze({ url: 'redis://user:s3cret@127.0.0.1:1' }));
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
    vi.restoreAllMocks();
    expect(inspect(backend, { depth: 9, showHidden: true }) + JSON.stringify(backend)).not.toContain('s3cret');
  });

  it('says of a server that is not there that nothing was applied', async () => {
    const backend = redisBackend({ url: 'redis://:s3cret@127.0.0.1:59997', timeoutMs: 500 });
    const failure = await failureOf(backend.setValue('k', 1));
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied: false });
    expect(failure.message).toBe('[redis] setValue "k": cannot be reached (ECONNREFUSED)');
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain('s3cret');
    await backend.close();
  });
});
