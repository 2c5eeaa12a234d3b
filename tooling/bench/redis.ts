import { isDeepStrictEqual } from 'node:util';
import { Redis } from 'ioredis';
// Imported by path: the package depends on this one, and turbo cannot build a cycle of packages.
import { redisBackend } from '../../packages/redis/src/redis.ts';
import { startRedis } from '../servers/redis.ts';
import { row } from './support/data.ts';
import { bench, type Work } from './support/harness.ts';

const CALLERS = 64;
const KEYS = 1000;

const server = await startRedis();
const url = `redis://${server.host}:${server.port}`;

const ours = redisBackend({ url, namespace: 'bench', timeoutMs: 30_000 });
/** With default options; used with JSON, as people do by hand. */
const raw = new Redis(url);
const get = async (key: string): Promise<unknown> => {
  const text = await raw.get(key);
  return text === null ? undefined : JSON.parse(text);
};

const keys = Array.from({ length: KEYS }, (_, index) => `k${index}`);
/** As long as our keys are with their namespace. */
const plainKeys = keys.map((key) => `plain:${key}`);
const hundred = keys.slice(0, 100);
const plainHundred = plainKeys.slice(0, 100);
/** A different value for each key, so that a reply to the wrong call is detected. */
const rows = keys.map((_, index) => ({ ...row, id: index }));
const pairs = hundred.map((key, index) => [key, rows[index]] as const);
const plainPairs = plainHundred.map((key, index) => [key, rows[index]] as const);
await ours.multiSetValues(keys.map((key, index) => [key, rows[index]] as const));
await raw.mset(plainKeys.flatMap((key, index) => [key, JSON.stringify(rows[index])]));

/** Both sides check the id of every reply, which costs little. The loop below compares whole values once. */
function check(value: unknown, index: number): void {
  if ((value as { readonly id?: unknown } | undefined)?.id !== index) throw new Error(`a wrong reply for k${index}`);
}

for (const [index, key] of keys.entries())
  for (const value of [await get(`plain:${key}`), await ours.getValue(key)])
    if (!isDeepStrictEqual(value, rows[index])) throw new Error(`${key} did not come back as it was stored`);

/** Makes one call after another. */
function sequential(call: (index: number) => Promise<void>): Work {
  return async (times) => {
    for (let time = 0; time < times; time++) await call(time % KEYS);
  };
}

/** Runs 64 callers, each of which waits for its reply before its next call. */
function concurrent(call: (index: number) => Promise<void>): Work {
  return async (times) => {
    let next = 0;
    const caller = async (): Promise<void> => {
      while (next < times) await call(next++ % KEYS);
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
  };
}

const keyAt = (index: number): string => keys[index] as string;
const plainAt = (index: number): string => plainKeys[index] as string;
const rawGet = async (index: number): Promise<void> => check(await get(plainAt(index)), index);
const ourGet = async (index: number): Promise<void> => check(await ours.getValue(keyAt(index)), index);
const rawSet = async (index: number): Promise<void> =>
  void (await raw.set(plainAt(index), JSON.stringify(rows[index])));
const ourSet = (index: number): Promise<void> => ours.setValue(keyAt(index), rows[index]);

async function rawReads(): Promise<void> {
  const texts = await raw.mget(plainHundred);
  texts.forEach((text, index) => {
    check(text === null ? undefined : JSON.parse(text), index);
  });
}

async function ourReads(): Promise<void> {
  (await ours.multiGetValues(hundred)).forEach(check);
}

async function rawSets(): Promise<void> {
  const pipeline = raw.pipeline();
  for (const [key, value] of plainPairs) pipeline.set(key, JSON.stringify(value), 'EX', 600);
  for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
}

/** Checks that each increment returns one more than the one before. */
function counting(incr: () => Promise<number>): (index: number) => Promise<void> {
  let last = 0;
  return async () => {
    last += 1;
    if ((await incr()) !== last) throw new Error('an increment was lost or counted twice');
  };
}

// The harness compares times: a throughput of 0.93 is a time of 1 / 0.93.
await bench('Redis: 10 fields, against ioredis and JSON', [
  { name: 'getValue : get', baseline: sequential(rawGet), ours: sequential(ourGet), atMost: 1 / 0.93 },
  { name: 'getValue, 64 callers : get', baseline: concurrent(rawGet), ours: concurrent(ourGet), atMost: 1 / 2 },
  { name: 'setValue : set', baseline: sequential(rawSet), ours: sequential(ourSet) },
  { name: 'setValue, 64 callers : set', baseline: concurrent(rawSet), ours: concurrent(ourSet), atMost: 1 / 1.1 },
  {
    name: 'multiGetValues of 100 : mget',
    baseline: sequential(rawReads),
    ours: sequential(ourReads),
    atMost: 1 / 0.93,
  },
  {
    name: 'multiSetValues of 100, TTL : SET EX',
    baseline: sequential(rawSets),
    ours: sequential(() => ours.multiSetValues(pairs, { ttl: 600 })),
    atMost: 1 / 1.2,
  },
  {
    name: 'incr : incr',
    baseline: sequential(counting(() => raw.incr('plain:n'))),
    ours: sequential(counting(() => ours.incr('n'))),
    atMost: 1 / 0.88,
  },
  {
    name: 'incr, 64 callers : incr',
    baseline: concurrent(async () => void (await raw.incr('plain:m'))),
    ours: concurrent(async () => void (await ours.incr('m'))),
  },
]);
await ours.close();
raw.disconnect();
await server.stop();
