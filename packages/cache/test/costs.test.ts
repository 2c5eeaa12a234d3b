import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Cache, createCache } from '../src/cache.ts';
import { type Lab, labs } from './support/labs.ts';

const absent = (): never => {
  throw new Error('a hit must not load');
};

describe.each(['redis', 'memcached', 'upstash'])('on %s', (name) => {
  let lab: Lab;
  let cache: Cache;

  beforeAll(async () => {
    lab = await (labs[name] as () => Promise<Lab>)();
    cache = createCache(lab.create('costs'));
  });

  beforeEach(async () => {
    await cache.set('plain', 1);
    await cache.set('tagged', 2, { tags: ['t', 'u'] });
    lab.rounds();
  });

  afterAll(async () => {
    await cache.close();
    await lab.stop();
  });

  const keys = Array.from({ length: 50 }, () => ['plain', 'tagged']).flat();
  const hundred = Array.from({ length: 100 }, (_, index) => `of a hundred ${index}`);
  const reads: [string, number, () => Promise<unknown>][] = [
    ['a hit of getOrSet without tags', 1, () => cache.getOrSet('plain', absent)],
    ['a hit of getOrSet whose tags are named', 1, () => cache.getOrSet('tagged', absent, { tags: ['t', 'u'] })],
    ['a hit of getOrSet whose tags are not named', 2, () => cache.getOrSet('tagged', absent)],
    ['a hit of get', 1, () => cache.get('tagged', { tags: ['u', 't'] })],
    ['a miss of get', 1, () => cache.get('missing')],
    ['has', 1, () => cache.has('plain')],
    ['a hundred hits of getOrSetMany', 1, () => cache.getOrSetMany(keys, absent, { tags: ['t', 'u'] })],
    ['a hundred hits of getMany whose tags are not named', 2, () => cache.getMany(keys)],
  ];
  it.each(reads)('%s takes %i', async (_title, rounds, call) => {
    await call();
    expect(lab.rounds()).toBe(rounds);
  });

  it('the first hit of a process takes no more than the next', async () => {
    const fresh = createCache(lab.create('costs'));
    await fresh.has('connects');
    lab.rounds();
    expect(await fresh.getOrSet('tagged', absent, { tags: ['t', 'u'] })).toBe(2);
    expect(lab.rounds()).toBe(1);
    await fresh.close();
  });

  // Upstash sends the reads and the writes of a tick in separate, parallel requests.
  const together = name === 'upstash' ? 1 : 0;
  const writes: [string, number, () => Promise<unknown>][] = [
    ['the first set of a key', 3 + together, () => cache.set('new', 1)],
    ['the first set of a hundred keys', 3 + together, () => cache.setMany(hundred.map((key) => [`new ${key}`, 1]))],
    ['another set of a hundred keys', 2 + together, () => cache.setMany(hundred.map((key) => [key, 1]))],
    ['an invalidation of two tags', 1, () => cache.invalidateTags('t', 'u')],
    ['a clear', 1, () => cache.clear()],
    ['a set', 2 + together, () => cache.set('plain', 1)],
    ['a delete', 2 + together, () => cache.delete('plain')],
    // A read, the lease, another read, the write, the release of the lease.
    ['a miss that is loaded', 5, () => cache.getOrSet('plain', () => 2)],
  ];
  it.each(writes)('%s takes %i', async (what, rounds, call) => {
    // Stored once before, so that every counter exists.
    await cache.setMany(
      [...hundred, 'plain'].map((key) => [key, 1]),
      { tags: ['t', 'u'] },
    );
    if (what.includes('miss')) await cache.delete('plain');
    lab.rounds();
    await call();
    expect(lab.rounds()).toBe(rounds);
  });

  it('a delete in a new namespace takes no more than another', async () => {
    const fresh = createCache(lab.create('costs-of-none'));
    await fresh.has('connects');
    lab.rounds();
    await fresh.delete('plain');
    expect(lab.rounds()).toBe(2 + together);
    await fresh.close();
  });

  /** The fewest round trips of three runs, because replies that arrive in several pieces make some more. */
  async function fewestRounds(prepare: () => Promise<unknown>, run: () => Promise<unknown>): Promise<number> {
    const counts: number[] = [];
    for (let time = 0; time < 3; time++) {
      await prepare();
      lab.rounds();
      await run();
      counts.push(lab.rounds());
    }
    return Math.min(...counts);
  }
  const store = (): Promise<void> => cache.setMany(hundred.map((key) => [key, 1]));
  const remove = (): Promise<unknown> => cache.deleteMany(hundred);

  it('a hundred misses are loaded in parallel', async () => {
    await store();
    expect(await fewestRounds(remove, () => cache.getOrSetMany(hundred, () => hundred))).toBeLessThan(30);
  });

  const inOneTick: [string, number, () => Promise<unknown>, (key: string) => Promise<unknown>][] = [
    ['hits', 1, store, (key) => cache.getOrSet(key, absent)],
    ['misses that are loaded', 5, remove, (key) => cache.getOrSet(key, () => 2)],
    ['deletes', 2 + together, store, (key) => cache.delete(key)],
  ];
  it.each(inOneTick)(
    'a hundred %s of one tick take no more round trips than one',
    async (_what, rounds, prepare, call) => {
      await store();
      const most = name === 'upstash' ? rounds : 30;
      expect(await fewestRounds(prepare, () => Promise.all(hundred.map(call)))).toBeLessThanOrEqual(most);
    },
  );
});
