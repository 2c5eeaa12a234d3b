import { superjsonSerializer } from '@ninefold/core';
import { memoryBackend } from '@ninefold/memory';
import { Redis } from 'ioredis';
// Imported by path: the package depends on this one, and turbo cannot build a cycle of packages.
import { redisBackend } from '../../../packages/redis/src/redis.ts';
import { kinds, row, rowsWithDates } from '../../bench/support/data.ts';
import { repeat, type Work } from '../../bench/support/harness.ts';

// Run with the host and the port of a Redis server. Prints, as JSON, how many times as much processor time an operation takes
// as the same without us, and how many at most: at least twice what it takes, so that only a large regression exceeds it. Other
// load on the machine does not affect it. Each ratio is the median of the rounds, after both sides are compiled.
const ROUNDS = 15;
const WARM_UP_US = 150_000;
const SAMPLE_US = 4000;
const KEYS = 64;
const keys = Array.from({ length: KEYS }, (_, index) => `guard:${index}`);
const [host, port] = process.argv.slice(2) as [string, string];

type Pair = readonly [atMost: number, ours: () => unknown, baseline: () => unknown];

async function ratioOf([, ours, baseline]: Pair): Promise<number> {
  const [work, other] = [repeat(ours), repeat(baseline)];
  const [times, otherTimes] = [await timesOf(work), await timesOf(other)];
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const us = (await microseconds(work, times)) / times;
    ratios.push(us / ((await microseconds(other, otherTimes)) / otherTimes));
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

async function each(call: (key: string) => unknown): Promise<void> {
  for (const key of keys) await call(key);
}

const text = superjsonSerializer.serialize(row);
const json = JSON.stringify(row);

const memory = memoryBackend();
const map = new Map<string, string>();
const mapGet = async (key: string): Promise<unknown> => JSON.parse(map.get(key) as string);
const mapSet = async (key: string): Promise<void> => void map.set(key, JSON.stringify(row));
await each((key) => Promise.all([mapSet(key), memory.setValue(key, row, { ttl: 600 })]));

const raw = new Redis(Number(port), host);
const redis = redisBackend({ url: `redis://${host}:${port}`, namespace: 'ours', timeoutMs: 30_000 });
const entries = keys.map((key, index) => [key, kinds.row.make(index)] as const);
const rawSet = async (): Promise<unknown> => {
  const pipeline = raw.pipeline();
  for (const [key, value] of entries) pipeline.set(key, JSON.stringify(value), 'EX', 600);
  return await pipeline.exec();
};
const rawGet = async (key: string): Promise<unknown> => JSON.parse((await raw.get(key)) as string);
await rawSet();
await redis.multiSetValues(entries, { ttl: 600 });

const pairs: Readonly<Record<string, Pair>> = {
  serialize: [2.5, () => superjsonSerializer.serialize(row), () => JSON.stringify(row)],
  deserialize: [2.7, () => superjsonSerializer.deserialize(text), () => JSON.parse(json)],
  'serialize Dates': [3.2, () => superjsonSerializer.serialize(rowsWithDates), () => JSON.stringify(rowsWithDates)],
  'memory: read': [3.3, () => each((key) => memory.getValue(key)), () => each(mapGet)],
  'memory: write': [4, () => each((key) => memory.setValue(key, row, { ttl: 600 })), () => each(mapSet)],
  'redis: one after another': [2.6, () => redis.getValue('guard:1'), () => rawGet('guard:1')],
  'redis: at once': [
    1.2,
    () => Promise.all(keys.map((key) => redis.getValue(key))),
    () => Promise.all(keys.map(rawGet)),
  ],
  'redis: batch read': [
    2,
    () => redis.multiGetValues(keys),
    async () => (await raw.mget(keys)).map((found) => JSON.parse(found as string)),
  ],
  'redis: batch write': [1.4, () => redis.multiSetValues(entries, { ttl: 600 }), rawSet],
  'redis: increment': [2.4, () => redis.incr('count'), () => raw.incr('count')],
};
const ratios: Record<string, readonly [ratio: number, atMost: number]> = {};
for (const [name, pair] of Object.entries(pairs)) ratios[name] = [await ratioOf(pair), pair[0]];
console.log(JSON.stringify(ratios));
await redis.close();
raw.disconnect();
