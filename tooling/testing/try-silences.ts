import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheBackend } from '@ninefold/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FaultProxy } from '../fault-proxy/fault-proxy.ts';
import type { ServerProcess } from '../servers/process.ts';
import { RewritingProxy } from './rewriting-proxy.ts';

const TIMEOUT_MS = 3000;

export interface SilenceLab {
  start(): Promise<ServerProcess>;
  open(options: { readonly port: number; readonly timeoutMs: number }): CacheBackend;
}

/** Defines the tests of calls that are in flight when the adapter notices that their connection is silent. */
export function trySilences({ start, open }: SilenceLab): void {
  describe('a silent connection', () => {
    it('fails no call after one that its server answers too late', async () => {
      const server = await start();
      onTestFinished(() => server.stop());
      const backend = open({ port: server.port, timeoutMs: TIMEOUT_MS });
      await backend.setValue('k', 'v');
      await server.pause();
      const late = expect(backend.getValue('k')).rejects.toMatchObject({ code: 'TIMEOUT' });
      await sleep(2500);
      const calls = [backend.incr('n'), backend.getValue('k'), backend.setValue('m', 1), backend.exists('k')];
      await late;
      await sleep(1500);
      server.resume();
      expect(await Promise.all(calls)).toEqual([1, 'v', undefined, true]);
      await backend.close();
    });

    it('has its reads sent again on a new one', async () => {
      const server = await start();
      onTestFinished(() => server.stop());
      const proxy = await FaultProxy.start(server);
      onTestFinished(() => proxy.stop());
      const backend = open({ port: proxy.port, timeoutMs: TIMEOUT_MS });
      await backend.setValue('k', 'v');
      await proxy.set({ kind: 'cut', on: 'request', by: 'silence' });
      const late = expect(backend.incr('n')).rejects.toMatchObject({ code: 'TIMEOUT', maybeApplied: true });
      await sleep(1500);
      await proxy.set(undefined);
      const reads = [backend.getValue('k'), backend.multiGetValues(['k', 'none']), backend.exists('k')];
      expect(await Promise.all(reads)).toEqual(['v', ['v', undefined], true]);
      await late;
      await backend.close();
    });
  });
}

/** Defines the test of a connection that gets the first byte of a reply in time, and then none until later calls are due. */
export function tryLateThenSilent({ start, open }: SilenceLab): void {
  it('a connection that is late and then silent fails no call after the late one', async () => {
    const server = await start();
    onTestFinished(() => server.stop());
    const proxy = await RewritingProxy.start(server);
    onTestFinished(() => proxy.stop());
    const backend = open({ port: proxy.port, timeoutMs: TIMEOUT_MS });
    await backend.setValue('k', 'v');
    // Until no reply is watched for any more.
    await sleep(500);
    const rest = new Promise<string>((resolve) => {
      proxy.rewrite = (reply) => {
        resolve(reply.slice(1));
        return reply.slice(0, 1);
      };
    });
    const late = expect(backend.getValue('k')).rejects.toMatchObject({ code: 'TIMEOUT' });
    const held = await rest;
    await server.pause();
    await sleep(2000);
    const write = expect(backend.incr('n')).resolves.toBe(1);
    await late;
    await sleep(1000);
    proxy.rewrite = (reply) => {
      proxy.heal();
      return held + reply;
    };
    server.resume();
    await write;
    await backend.close();
  });
}
