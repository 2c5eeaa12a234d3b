import type { CacheBackend } from '@ninefold/core';
import { memcachedBackend } from '@ninefold/memcached';
import { memoryBackend } from '@ninefold/memory';
import { redisBackend } from '@ninefold/redis';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { UpstashFront } from '@ninefold/tooling/upstash-front';
import { upstashBackend } from '@ninefold/upstash';
import { type Recipe, recipe } from './recipe.ts';

/** A real server, or memory, and backends on it. */
export interface Lab {
  /** A backend under a namespace; on memory, always the same one for a namespace. */
  create(namespace: string): CacheBackend;
  /** `undefined` where entries cannot be shared with another process. */
  readonly recipe: ((namespace: string) => Recipe) | undefined;
  /** Round trips since the last call. */
  rounds(): number;
  stop(): Promise<void>;
}

async function memory(): Promise<Lab> {
  const shared = new Map<string, CacheBackend>();
  const create = (namespace: string): CacheBackend => {
    const backend = shared.get(namespace) ?? memoryBackend({ namespace });
    shared.set(namespace, backend);
    return backend;
  };
  return { create, recipe: undefined, rounds: () => 0, stop: async () => undefined };
}

async function redis(): Promise<Lab> {
  const server = await startRedis();
  const proxy = await FaultProxy.start(server);
  const rounds = () => proxy.counts.rounds;
  return {
    create: (namespace) => redisBackend({ url: `redis://127.0.0.1:${proxy.port}`, namespace, timeoutMs: 60_000 }),
    recipe: recipe('redis', { url: `redis://127.0.0.1:${server.port}`, timeoutMs: 60_000 }),
    rounds: since(rounds),
    stop: async () => {
      await proxy.stop();
      await server.stop();
    },
  };
}

async function memcached(): Promise<Lab> {
  const server = await startMemcached();
  const proxy = await FaultProxy.start(server);
  const rounds = () => proxy.counts.rounds;
  return {
    create: (namespace) => memcachedBackend({ servers: `127.0.0.1:${proxy.port}`, namespace, timeoutMs: 60_000 }),
    recipe: recipe('memcached', { servers: `127.0.0.1:${server.port}`, timeoutMs: 60_000 }),
    rounds: since(rounds),
    stop: async () => {
      await proxy.stop();
      await server.stop();
    },
  };
}

async function upstash(): Promise<Lab> {
  const server = await startRedis();
  const front = await UpstashFront.start({ redis: server, token: 'AXkfASQgt0ken' });
  const { url, token } = front;
  return {
    create: (namespace) => upstashBackend({ url, token, namespace, timeoutMs: 60_000 }),
    recipe: recipe('upstash', { url, token, timeoutMs: 60_000 }),
    rounds: since(() => front.requests.length),
    stop: async () => {
      await front.stop();
      await server.stop();
    },
  };
}

function since(count: () => number): () => number {
  let before = 0;
  return () => {
    const now = count();
    const difference = now - before;
    before = now;
    return difference;
  };
}

export const labs: Readonly<Record<string, () => Promise<Lab>>> = { memory, redis, memcached, upstash };
