import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { superjsonSerializer } from '@ninefold/core';
import { memoryBackend } from '@ninefold/memory';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
// Imported by path: the package depends on this one, and turbo cannot build a cycle of packages.
import { redisBackend } from '../../packages/redis/src/redis.ts';
import { kinds, row } from '../bench/support/data.ts';
import type { Work } from '../bench/support/harness.ts';
import { fromSources } from '../bench/support/sources.ts';
import type { ServerProcess } from '../servers/process.ts';
import { startRedis } from '../servers/redis.ts';

// Measures processor time of this process, which other load on the machine does not affect, and takes the median ratio of the
// rounds after both sides are compiled. Each bound is about twice the figure in docs/benchmarks.md, so that only a large
// regression breaks it.
const ROUNDS = 15;
const WARM_UP_US = 150_000;
const SAMPLE_US = 4000;
const KEYS = 64;
const keys = Array.from({ length: KEYS }, (_, index) => `guard:${index}`);

async function ratioOf({ ours, baseline }: { readonly ours: Work; readonly baseline: Work }): Promise<number> {
  const [ourTimes, theirTimes] = [await timesOf(ours), await timesOf(baseline)];
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const us = (await microseconds(ours, ourTimes)) / ourTimes;
    ratios.push(us / ((await microseconds(baseline, theirTimes)) / theirTimes));
  }
  return ratios.sort((a, b) => a - b)[(ROUNDS - 1) / 2] as number;
}

/** Warms the work up. Resolves to the number of repetitions that fill a sample. */
async function timesOf(work: Work): Promise<number> {
  let times = 1;
  let warm = 0;
  let last = 0;
  while (warm < WARM_UP_US) {
    last = await microseconds(work, times);
    warm += last;
    if (last < SAMPLE_US) times *= 2;
  }
  return Math.max(1, Math.round((times * SAMPLE_US) / last));
}

async function microseconds(work: Work, times: number): Promise<number> {
  const before = process.cpuUsage();
  await work(times);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function repeat(call: () => unknown): Work {
  return async (times) => {
    for (let time = 0; time < times; time++) await call();
  };
}

describe('the garbage of a call', () => {
  it('is freed by a minor collection, so that many calls at once need no full one', async () => {
    const program = join(import.meta.dirname, 'support/full-collections.ts');
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', ...fromSources, program]);
    // A Set of the calls in flight needs many, because V8 chains its outgrown tables; so does a hidden class per coalesced call.
    const { alone, coalesced } = JSON.parse(stdout) as Readonly<Record<string, number>>;
    expect(alone).toBeLessThanOrEqual(1);
    expect(coalesced).toBeLessThanOrEqual(1);
  });
});

describe('the cost of the contract', () => {
  it('is less than three times a JSON round trip in the serializer', async () => {
    const text = superjsonSerializer.serialize(row);
    const json = JSON.stringify(row);
    const writing = {
      ours: repeat(() => superjsonSerializer.serialize(row)),
      baseline: repeat(() => JSON.stringify(row)),
    };
    const reading = {
      ours: repeat(() => superjsonSerializer.deserialize(text)),
      baseline: repeat(() => JSON.parse(json)),
    };
    expect(await ratioOf(writing)).toBeLessThan(3);
    expect(await ratioOf(reading)).toBeLessThan(3);
  });

  it('is less than four times an async Map of JSON text in memory', async () => {
    const cache = memoryBackend();
    const map = new Map<string, string>();
    const get = async (key: string): Promise<unknown> => JSON.parse(map.get(key) as string);
    const set = async (key: string): Promise<void> => void map.set(key, JSON.stringify(row));
    for (const key of keys) await Promise.all([set(key), cache.setValue(key, row, { ttl: 600 })]);
    const each = (call: (key: string) => Promise<unknown>): Work => {
      return repeat(async () => {
        for (const key of keys) await call(key);
      });
    };
    expect(await ratioOf({ ours: each((key) => cache.getValue(key)), baseline: each(get) })).toBeLessThan(4);
    expect(
      await ratioOf({ ours: each((key) => cache.setValue(key, row, { ttl: 600 })), baseline: each(set) }),
    ).toBeLessThan(4);
  });

  describe('on Redis', () => {
    let server: ServerProcess;

    beforeAll(async () => {
      server = await startRedis();
    });

    afterAll(async () => {
      await server.stop();
    });

    it('is less than three times ioredis with JSON, one call, many, or a batch', async () => {
      const raw = new Redis(server.port, server.host);
      const cache = redisBackend({
        url: `redis://${server.host}:${server.port}`,
        namespace: 'ours',
        timeoutMs: 30_000,
      });
      const entries = keys.map((key, index) => [key, kinds.row.make(index)] as const);
      const rawSet = async (): Promise<unknown> => {
        const pipeline = raw.pipeline();
        for (const [key, value] of entries) pipeline.set(key, JSON.stringify(value), 'EX', 600);
        return await pipeline.exec();
      };
      const rawGet = async (key: string): Promise<unknown> => JSON.parse((await raw.get(key)) as string);
      await rawSet();
      await cache.multiSetValues(entries, { ttl: 600 });
      const pairs = {
        'one after another': [() => cache.getValue('guard:1'), () => rawGet('guard:1')],
        'at once': [() => Promise.all(keys.map((key) => cache.getValue(key))), () => Promise.all(keys.map(rawGet))],
        'batch read': [
          () => cache.multiGetValues(keys),
          async () => (await raw.mget(keys)).map((text) => JSON.parse(text as string)),
        ],
        'batch write': [() => cache.multiSetValues(entries, { ttl: 600 }), rawSet],
        increment: [() => cache.incr('count'), () => raw.incr('count')],
      } as const;
      for (const [name, [ours, baseline]] of Object.entries(pairs)) {
        expect(await ratioOf({ ours: repeat(ours), baseline: repeat(baseline) }), name).toBeLessThan(3);
      }
      await cache.close();
      raw.disconnect();
    });
  });
});
