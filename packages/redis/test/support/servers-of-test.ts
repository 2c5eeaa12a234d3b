import type { CacheBackend, RemoteOptions } from '@ninefold/core';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { onTestFinished } from 'vitest';
import { redisBackend } from '../../src/redis.ts';

/** Default of `timeoutMs` for the backends of `open`, in milliseconds. */
export const TIMEOUT_MS = 500;

/** Stops the server after the test, in reverse order of starting. */
export function kept<T extends { stop(): Promise<void> }>(server: T): T {
  onTestFinished(() => server.stop());
  return server;
}

export async function serve(...args: string[]): Promise<ServerProcess> {
  return kept(await startRedis(args));
}

type Options = RemoteOptions & { readonly password?: string };

export function open({ port }: ServerProcess, { password, ...options }: Options = {}): CacheBackend {
  const login = password === undefined ? '' : `:${password}@`;
  const backend = redisBackend({ url: `redis://${login}127.0.0.1:${port}`, timeoutMs: TIMEOUT_MS, ...options });
  onTestFinished(() => backend.close());
  return backend;
}
