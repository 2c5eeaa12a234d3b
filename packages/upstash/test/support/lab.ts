import { inspect } from 'node:util';
import type { CacheBackend, RemoteOptions } from '@ninefold/core';
import type { FaultLab } from '@ninefold/core/conformance';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { upstashBackend } from '../../src/upstash.ts';
import { startFront } from './service.ts';

type Make = (service: { readonly url: string; readonly token: string }, options: RemoteOptions) => CacheBackend;

/** A REST front behind a fault proxy, and the backends that `make` creates for it. */
export async function startLab(
  make: Make = (service, options) => upstashBackend({ ...service, ...options }),
): Promise<{ readonly lab: FaultLab; readonly stop: () => Promise<void> }> {
  const { front, stop } = await startFront();
  const proxy = await FaultProxy.start({ host: '127.0.0.1', port: front.port });
  const { token } = front;
  const lab: FaultLab = {
    create: (options) => make({ url: `http://127.0.0.1:${proxy.port}`, token }, options),
    direct: (options) => upstashBackend({ url: front.url, token, ...options }),
    set: (fault) => proxy.set(fault),
    inspect: (error) => inspect(error, { depth: 9, showHidden: true }),
    secrets: [token],
  };
  return {
    lab,
    stop: async () => {
      await proxy.stop();
      await stop();
    },
  };
}
