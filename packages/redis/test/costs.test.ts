import type { CacheBackend } from '@ninefold/core';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisBackend } from '../src/redis.ts';
import { Wire } from './support/wire.ts';

let wire: Wire;
let backend: CacheBackend;
let stop: () => Promise<void>;

beforeAll(async () => {
  const server = await startRedis();
  wire = await Wire.start(server);
  backend = redisBackend({ url: `redis://127.0.0.1:${wire.ports[0]}`, namespace: 'costs', timeoutMs: 20_000 });
  // The first increment loads the script, and costs no more than others.
  const count = await wire.during(() => backend.incr('warm'));
  expect(count).toMatchObject({ trips: 1, commands: [[expect.stringMatching('EVAL')]] });
  // The first batch with a TTL probes the server.
  const first = await wire.during(() => backend.multiSetValues([...pairsOf(2)], { ttl: 60 }));
  expect(first).toMatchObject({ trips: 1, commands: [['MSETEX 3', 'SET 4', 'SET 4']] });
  stop = async () => {
    await backend.close();
    await wire.stop();
    await server.stop();
  };
});

afterAll(() => stop());

function* pairsOf(count: number, value: unknown = 'v'): Generator<[string, unknown]> {
  for (let index = 0; index < count; index++) yield [`k${index}`, value];
}

const keysOf = (count: number): string[] => [...pairsOf(count)].map(([key]) => key);

describe('what an operation costs', () => {
  const singles: [string, string, () => Promise<unknown>][] = [
    ['getValue', 'GET 1', () => backend.getValue('k0')],
    ['setValue', 'SET 2', () => backend.setValue('k0', 1)],
    ['setValue with a TTL', 'SET 4', () => backend.setValue('k0', 1, { ttl: 60 })],
    ['exists', 'EXISTS 1', () => backend.exists('k0')],
    ['delete', 'UNLINK 1', () => backend.delete('k0')],
    ['incr', 'EVALSHA', () => backend.incr('n')],
    ['incr with a TTL', 'EVALSHA', () => backend.incr('m', 1, { ttl: 60 })],
    ['a batch of 400 reads', 'MGET 400', () => backend.multiGetValues(keysOf(400))],
    ['a batch of 400 sets', 'MSET 800', () => backend.multiSetValues(pairsOf(400))],
    ['a batch of two sets with a TTL', '(EVAL|MSETEX) 7', () => backend.multiSetValues(pairsOf(2), { ttl: 60 })],
    ['a batch of 400 deletes', 'UNLINK 400', () => backend.deleteMany(keysOf(400))],
    ['a batch of one', 'SET 2', () => backend.multiSetValues(pairsOf(1))],
  ];
  for (const [operation, command, call] of singles) {
    it(`is one round trip and one ${command} for ${operation}`, async () => {
      const crossing = await wire.during(call);
      expect(crossing.trips).toBe(1);
      expect(crossing.commands).toEqual([[expect.stringMatching(new RegExp(`^${command}\\b`))]]);
    });
  }

  const large: [string, string[], () => Promise<unknown>][] = [
    ['1,000 reads', Array(4).fill('MGET 250'), () => backend.multiGetValues(keysOf(1000))],
    ['1,000 sets', Array(4).fill('MSET 500'), () => backend.multiSetValues(pairsOf(1000))],
    [
      '1,000 sets with a TTL',
      Array(4).fill('(EVAL|MSETEX) 503'),
      () => backend.multiSetValues(pairsOf(1000), { ttl: 60 }),
    ],
    ['1,000 deletes', Array(4).fill('UNLINK 250'), () => backend.deleteMany(keysOf(1000))],
    ['2,499 reads', [...Array(4).fill('MGET 500'), 'MGET 499'], () => backend.multiGetValues(keysOf(2499))],
    [
      '100 sets of 1,000 characters',
      ['MSET 96', 'MSET 96', 'MSET 8'],
      () => backend.multiSetValues(pairsOf(100, 'x'.repeat(1000))),
    ],
  ];
  it.each(large)('is one round trip of several commands for a batch of %s', async (_, commands, call) => {
    const crossing = await wire.during(call);
    expect(crossing.trips).toBe(1);
    expect(crossing.commands).toEqual([commands.map((command) => expect.stringMatching(new RegExp(`^${command}$`)))]);
  });

  it('is one write for a batch of 100 sets with a TTL', async () => {
    const { trips, pieces } = await wire.during(() => backend.multiSetValues(pairsOf(100), { ttl: 60 }));
    expect({ trips, pieces }).toEqual({ trips: 1, pieces: 1 });
  });

  it.each([undefined, 60])(
    'is one round trip, and a SET for each large value, for a batch of sets with a TTL of %s',
    async (ttl) => {
      const lengths = [1, 10_000, 1, 200_000, 9000];
      const pairs = lengths.map((length, index) => [`long${index}`, 'x'.repeat(length)] as const);
      const crossing = await wire.during(() => backend.multiSetValues(pairs, { ttl }));
      expect(crossing.trips).toBe(1);
      const set = ttl === undefined ? 'SET 2' : 'SET 4';
      const small = ttl === undefined ? ['MSET 6'] : [expect.stringMatching(/^(EVAL|MSETEX) 9$/)];
      expect(crossing.commands).toEqual([[...small, set, set]]);
      expect(await backend.multiGetValues(pairs.map(([key]) => key))).toEqual(pairs.map(([, value]) => value));
    },
  );

  it('is nothing for empty batches and refused arguments', async () => {
    const crossing = await wire.during(async () => {
      await Promise.all([backend.multiGetValues([]), backend.multiSetValues([]), backend.deleteMany([])]);
      await Promise.allSettled([
        backend.multiGetValues(['k0', '']),
        backend.multiSetValues([...pairsOf(2), ['f', () => 1]]),
        backend.incr('n', 1.5),
        backend.setValue('k0', 1, { ttl: 0 }),
      ]);
    });
    expect(crossing).toEqual({ trips: 0, commands: [[]], pieces: 0 });
  });
});

describe('what many calls of one tick cost', () => {
  it('is one round trip and few writes for 1,000 reads', async () => {
    await backend.multiSetValues(pairsOf(1000, 7));
    let values: unknown[] = [];
    const { trips, commands, pieces } = await wire.during(async () => {
      values = await Promise.all(keysOf(1000).map((key) => backend.getValue(key)));
    });
    expect(values.every((value) => value === 7)).toBe(true);
    expect(trips).toBe(1);
    expect(commands).toEqual([Array(1000).fill('GET 1')]);
    expect(pieces).toBeLessThanOrEqual(Math.ceil(1000 / 32) + 1);
  });

  it('is one round trip for small batches, each with its own values', async () => {
    await backend.multiSetValues(keysOf(300).map((key, index) => [key, index] as const));
    const batches = Array.from({ length: 100 }, (_, at) => [`k${at}`, 'none', `k${299 - at}`, `k${at}`]);
    let found: unknown[][] = [];
    const { trips, commands } = await wire.during(async () => {
      found = await Promise.all(batches.map((keys) => backend.multiGetValues(keys)));
    });
    expect(found).toEqual(batches.map((_, at) => [at, undefined, 299 - at, at]));
    expect(trips).toBe(1);
    expect(commands).toEqual([Array(100).fill('MGET 4')]);
  });

  it('is one round trip for each round of concurrent readers', async () => {
    await backend.setValue('k', 1);
    const reader = async (): Promise<void> => {
      for (let round = 0; round < 5; round++) expect(await backend.getValue('k')).toBe(1);
    };
    const crossing = await wire.during(() => Promise.all(Array.from({ length: 64 }, reader)));
    expect(crossing.trips).toBe(5);
  });

  it('is one round trip for all operations, in the order of the calls', async () => {
    await backend.multiSetValues([
      ['a', 'old'],
      ['b', 1],
    ]);
    let answers: unknown[] = [];
    const crossing = await wire.during(async () => {
      answers = await Promise.all([
        backend.getValue('a'),
        backend.setValue('a', 'new'),
        backend.getValue('a'),
        backend.incr('b'),
        backend.getValue('b'),
        backend.delete('a'),
        backend.exists('a'),
        backend.multiGetValues(['a', 'b']),
      ]);
    });
    expect(answers).toEqual(['old', undefined, 'new', 2, 2, 1, false, [undefined, 2]]);
    expect(crossing.trips).toBe(1);
  });

  it('is one round trip for 500 sets', async () => {
    const crossing = await wire.during(() => Promise.all(keysOf(500).map((key) => backend.setValue(key, 1))));
    expect(crossing.trips).toBe(1);
    expect(crossing.commands).toEqual([Array(500).fill('SET 2')]);
  });
});

describe('a large batch', () => {
  it('of 25,000 keys is one round trip of commands of 500 keys each', async () => {
    const sets = await wire.during(() => backend.multiSetValues(pairsOf(25_000, 1)));
    let values: unknown[] = [];
    const reads = await wire.during(async () => {
      values = await backend.multiGetValues(keysOf(25_000));
    });
    expect(values.length).toBe(25_000);
    expect(values.every((value) => value === 1)).toBe(true);
    const mortal = await wire.during(() => backend.multiSetValues(pairsOf(25_000, 2), { ttl: 60 }));
    const deletes = await wire.during(() => backend.deleteMany(keysOf(25_000)));
    for (const { trips, commands } of [sets, reads, mortal, deletes]) {
      expect(trips).toBe(1);
      expect(commands[0]?.length).toBe(50);
    }
  });
});
