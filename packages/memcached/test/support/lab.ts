import { inspect } from 'node:util';
import type { CacheBackend, RemoteOptions } from '@ninefold/core';
import type { FaultLab } from '@ninefold/core/conformance';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { type MemcachedOptions, startMemcached } from '@ninefold/tooling/servers/memcached';
import { memcachedBackend } from '../../src/memcached.ts';

type Login = MemcachedOptions['login'];
type Make = (server: string, options: RemoteOptions, login: Login) => CacheBackend;

/** A server behind a fault proxy, and the backends that `make` creates for it. */
export async function startLab(
  make: Make = (servers, options, login) => memcachedBackend({ servers, ...login, ...options }),
  login?: Login,
): Promise<{ readonly lab: FaultLab; readonly proxy: FaultProxy; readonly stop: () => Promise<void> }> {
  const server = await startMemcached([], { login });
  const proxy = await FaultProxy.start(server);
  const lab: FaultLab = {
    create: (options) => make(`127.0.0.1:${proxy.port}`, options, login),
    direct: (options) => memcachedBackend({ servers: `127.0.0.1:${server.port}`, ...login, ...options }),
    set: (fault) => proxy.set(fault),
    inspect: (error) => inspect(error, { depth: 9, showHidden: true }),
    secrets: login === undefined ? [] : [login.password],
  };
  const stop = async (): Promise<void> => {
    await proxy.stop();
    await server.stop();
  };
  return { lab, proxy, stop };
}
