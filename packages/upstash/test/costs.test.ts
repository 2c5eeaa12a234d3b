import type { CacheBackend } from '@ninefold/core';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import type { UpstashFront } from '@ninefold/tooling/upstash-front';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type UpstashUrlOptions, upstashBackend } from '../src/upstash.ts';
import { startFront } from './support/service.ts';

let front: UpstashFront;
let stop: () => Promise<void>;
let backend: CacheBackend;

/** Some 33 MB in one tick, or 200,000 keys, are slow on a busy machine. These tests are not about deadlines. */
function connect(options: Omit<UpstashUrlOptions, 'url' | 'token'> = {}): CacheBackend {
  return upstashBackend({ url: front.url, token: front.token, timeoutMs: 120_000, ...options });
}

beforeAll(async () => {
  ({ front, stop } = await startFront());
  backend = connect({ namespace: 'costs' });
});

afterAll(async () => {
  await backend.close();
  await stop();
});

beforeEach(() => {
  front.requests.length = 0;
});

/** The number of HTTP requests, and the billed commands. */
function bill(): { readonly requests: number; readonly commands: readonly string[] } {
  return { requests: front.requests.length, commands: front.requests.flatMap(({ commands }) => commands) };
}

/** A fetch that records the length of each request, one that the service refuses included. */
function measuring(sizes: number[]): typeof fetch {
  return (url, init) => {
    sizes.push(String(init?.body).length);
    return fetch(url, init);
  };
}

describe('a request', () => {
  it('carries as much as fits, with six bytes for each control character', async () => {
    const bare = connect({
      namespace: 'bare',
      serializer: { serialize: String, deserialize: (text) => text },
    });
    const value = '\u0001'.repeat(50_000);
    const pairs = Array.from({ length: 66 }, (_, index) => [`k${index}`, value] as const);
    await bare.multiSetValues(pairs);
    // 19.8 MB, of which a request takes 9.9.
    expect(bill().requests).toBe(3);
    expect(await bare.getValue('k65')).toBe(value);
    front.requests.length = 0;
    await bare.multiSetValues(Array.from({ length: 1700 }, (_, index) => [`s${index}`, '\u0001'.repeat(1000)]));
    expect(bill().requests).toBe(2);
    await bare.close();
  });

  it('carries as many reads of one tick as fit, even with the longest keys', async () => {
    const keys = Array.from({ length: 1000 }, (_, index) => `read${index}`.padEnd(8192, '"'));
    const sizes: number[] = [];
    const client = connect({ fetch: measuring(sizes) });
    await client.setValue(keys[999] as string, 1);
    sizes.length = 0;
    const [values, found] = await Promise.all([
      Promise.all(keys.map((key) => client.getValue(key))),
      Promise.all(keys.map((key) => client.exists(key))),
    ]);
    expect(values.filter((value) => value !== undefined)).toEqual([1]);
    expect(found.filter(Boolean)).toHaveLength(1);
    // 32.8 MB, of which a request takes 9.9.
    expect(sizes.length).toBe(4);
    await client.close();
  });

  it('is sent again in halves when the service refuses its response for its size', async () => {
    const limited: typeof fetch = async (url, init) => {
      const response = await fetch(url, init);
      const text = await response.text();
      if (text.length < 1_000_000) return new Response(text, response);
      return Response.json({ error: 'ERR max request size exceeded' }, { status: 400 });
    };
    const client = connect({ namespace: 'halves', fetch: limited });
    const pairs = Array.from({ length: 12 }, (_, index): [string, string] => [`k${index}`, `${index}`.repeat(90_000)]);
    const keys = pairs.map(([key]) => key);
    await client.multiSetValues(pairs);
    front.requests.length = 0;
    expect(await client.multiGetValues(keys)).toEqual(pairs.map(([, value]) => value));
    expect(bill().requests).toBe(3);
    const reads = Promise.all(keys.map((key) => client.getValue(key)));
    const found = Promise.all(keys.map((key) => client.exists(key)));
    const batches = Promise.all([client.multiGetValues(keys), client.multiGetValues(['k0', 'none'])]);
    expect(await reads).toEqual(pairs.map(([, value]) => value));
    expect(await found).toEqual(keys.map(() => true));
    expect(await batches).toEqual([pairs.map(([, value]) => value), [pairs[0]?.[1], undefined]]);
    const two = ['a', 'b'].map((key): [string, string] => [key, key.repeat(600_000)]);
    await client.multiSetValues(two);
    expect(await client.multiGetValues(['a', 'b'])).toEqual(two.map(([, value]) => value));
    await client.setValue('large', 'x'.repeat(1_000_000));
    const failure = await failureOf(client.multiGetValues([...keys, 'large']));
    expect(failure).toMatchObject({ code: 'TOO_LARGE', key: 'large' });
    front.requests.length = 0;
    expect(await failureOf(client.multiGetValues(['large']))).toMatchObject({ code: 'TOO_LARGE', key: 'large' });
    expect(bill().requests).toBe(1);
    const [one, other] = await Promise.allSettled([client.getValue('large'), client.getValue('k0')]);
    expect(one).toMatchObject({ status: 'rejected', reason: { code: 'TOO_LARGE', key: 'large' } });
    expect(other.status).toBe('fulfilled');
    await client.close();
  });

  it('is sent again in halves when the service refuses the writes of a tick for their size', async () => {
    let requests = 0;
    const limited: typeof fetch = async (url, init) => {
      requests += 1;
      if (String(init?.body).length < 300_000) return await fetch(url, init);
      return Response.json({ error: 'ERR max request size exceeded' }, { status: 400 });
    };
    const client = connect({ namespace: 'less', fetch: limited });
    const keys = Array.from({ length: 8 }, (_, index) => `k${index}`);
    const sets = keys.map((key) => client.setValue(key, 'x'.repeat(40_000)));
    const large = failureOf(client.setValue('large', 'x'.repeat(300_000)));
    const batch = client.multiSetValues([
      ['a', 1],
      ['b', 2],
    ]);
    await Promise.all([...sets, batch, expect(client.incr('n')).resolves.toBe(1)]);
    expect(await large).toMatchObject({ code: 'TOO_LARGE', key: 'large', maybeApplied: false });
    expect(requests).toBe(7);
    expect(await client.deleteMany([...keys, 'large', 'a', 'b', 'n'])).toBe(11);
    await client.close();
  });

  it.each([
    ['too large together', 'ERR max request size exceeded', 400],
    ['not permitted for all keys', 'NOPERM no permissions to access a key', 200],
  ])('that is %s is not sent again for calls that have rejected meanwhile', async (_, error, status) => {
    let requests = 0;
    let respond = (): void => undefined;
    const late: typeof fetch = async () => {
      requests += 1;
      await new Promise<void>((resolve) => {
        respond = resolve;
      });
      return Response.json(status === 200 ? [{ error }] : { error }, { status });
    };
    const client = connect({ timeoutMs: 50, fetch: late });
    const few = ['a', 'b', 'c'];
    const many = Array.from({ length: 100 }, (_unused, index) => `k${index}`);
    for (const calls of [
      () => few.map((key) => client.incr(key)),
      () => few.map((key) => client.getValue(key)),
      () => [client.multiGetValues(many)],
    ]) {
      requests = 0;
      const failures = await Promise.all(calls().map((call) => failureOf(call)));
      for (const { code } of failures) expect(code).toBe('TIMEOUT');
      respond();
      // Time in which another request would be sent.
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(requests).toBe(1);
    }
    await client.close();
  });

  it('is halved only five times when the service refuses every size', async () => {
    const refusal = { kind: 'status', status: 413 } as const;
    front.fail(refusal, { times: 10_000 });
    let requests = 0;
    const counted: typeof fetch = (url, init) => {
      requests += 1;
      return fetch(url, init);
    };
    const client = connect({ fetch: counted });
    const keys = Array.from({ length: 1000 }, (_, index) => `k${index}`);
    expect(await failureOf(client.multiGetValues(keys))).toMatchObject({ code: 'TOO_LARGE', key: 'k0' });
    expect(requests).toBe(63);
    const outcomes = await Promise.allSettled(keys.map((key) => client.getValue(key)));
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    expect(requests).toBe(2 * 63);
    front.heal();
    await client.close();
  });
});

describe('what an operation costs', () => {
  const pairs = Array.from({ length: 100 }, (_, index): [string, number] => [`k${index}`, index]);
  const keys = pairs.map(([key]) => key);
  const costs: [string, string, () => Promise<unknown>][] = [
    ['getValue', 'MGET', () => backend.getValue('k')],
    ['setValue', 'SET', () => backend.setValue('k', 1)],
    ['setValue with a TTL', 'SET', () => backend.setValue('k', 1, { ttl: 60 })],
    ['exists', 'EXISTS', () => backend.exists('k')],
    ['delete', 'UNLINK', () => backend.delete('k')],
    ['incr', 'EVAL', () => backend.incr('n')],
    ['incr with a TTL', 'EVAL', () => backend.incr('m', 1, { ttl: 60 })],
    ['a batch of 100 reads', 'MGET', () => backend.multiGetValues(keys)],
    ['a batch of 100 sets', 'MSET', () => backend.multiSetValues(pairs)],
    ['a batch of 100 sets with a TTL', 'EVAL', () => backend.multiSetValues(pairs, { ttl: 60 })],
    ['a batch of 100 deletes', 'UNLINK', () => backend.deleteMany(keys)],
  ];
  for (const [operation, command, call] of costs) {
    it(`is one request and one ${command} for ${operation}`, async () => {
      await call();
      expect(bill()).toEqual({ requests: 1, commands: [command] });
    });
  }

  it('is one request and one command for 1,000 reads of one tick', async () => {
    const values = await Promise.all(Array.from({ length: 1000 }, (_, index) => backend.getValue(`k${index}`)));
    expect(values.length).toBe(1000);
    expect(bill()).toEqual({ requests: 1, commands: ['MGET'] });
  });

  it('is the fewest requests of 1,000 writes and 10 MB for the writes of a tick', async () => {
    await Promise.all(Array.from({ length: 1001 }, (_, index) => backend.setValue(`k${index}`, index)));
    expect(front.requests.map(({ commands }) => commands.length)).toEqual([1000, 1]);
    const sizes: number[] = [];
    const client = connect({ fetch: measuring(sizes) });
    const value = 'x'.repeat(900_000);
    await Promise.all(Array.from({ length: 12 }, (_, index) => client.setValue(`large${index}`, value)));
    expect(sizes.map((size) => Math.round(size / 900_000))).toEqual([10, 2]);
    sizes.length = 0;
    await Promise.all(Array.from({ length: 1000 }, (_, index) => client.incr(`${index}`.padEnd(8192, '"'))));
    // 17.1 MB.
    expect(sizes.map((size) => Math.round(size / 900_000))).toEqual([11, 8]);
    await client.close();
  });

  it('is one request for the reads and one for the writes of a tick', async () => {
    await Promise.all([
      backend.setValue('a', 1),
      backend.getValue('a'),
      backend.incr('b'),
      backend.exists('a'),
      backend.delete('c'),
      backend.getValue('b'),
    ]);
    expect(bill().requests).toBe(2);
    expect([...bill().commands].sort()).toEqual(['EVAL', 'EXISTS', 'MGET', 'SET', 'UNLINK']);
  });

  it('is one MGET for the small batches and the single reads of a tick', async () => {
    await backend.multiSetValues(pairs);
    front.requests.length = 0;
    const batches = pairs.map(([key]) => backend.multiGetValues([key, 'none', 'k7']));
    const [one, found] = [backend.getValue('k8'), backend.exists('k9')];
    expect(await Promise.all(batches)).toEqual(pairs.map(([, index]) => [index, undefined, 7]));
    expect([await one, await found]).toEqual([8, true]);
    expect(bill()).toEqual({ requests: 1, commands: ['MGET', 'EXISTS'] });
  });

  it('is one request, with a command each, for the small batches that are written in a tick', async () => {
    const few = pairs.slice(0, 3);
    const writes = [
      backend.multiSetValues(few),
      backend.multiSetValues(few, { ttl: 60 }),
      backend.deleteMany(['k0', 'k1', 'none']),
      backend.incr('k2'),
    ];
    expect(await Promise.all(writes)).toEqual([undefined, undefined, 2, 3]);
    expect(bill()).toEqual({ requests: 1, commands: ['MSET', 'EVAL', 'UNLINK', 'EVAL'] });
  });

  it('is a separate request for a large batch, so that it delays no other call', async () => {
    const large = Array.from({ length: 65 }, (_, index): [string, string] => [`half${index}`, 'x'.repeat(16_000)]);
    for (const options of [{}, { ttl: 60 }]) {
      await Promise.all([
        backend.multiSetValues(large, options),
        backend.multiSetValues(pairs),
        backend.setValue('k', 1),
      ]);
      expect(bill().requests).toBe(2);
      front.requests.length = 0;
    }
    const long = Array.from({ length: 200 }, (_, index) => `${index}`.padEnd(900, 'x'));
    await Promise.all([backend.deleteMany(long), backend.delete('k')]);
    expect(bill().requests).toBe(2);
    front.requests.length = 0;
    await Promise.all([backend.multiGetValues(large.map(([key]) => key)), backend.multiGetValues(['k', 'k1'])]);
    expect(bill().requests).toBe(2);
    front.requests.length = 0;
    await Promise.all([backend.multiGetValues(keys.slice(0, 64)), backend.getValue('k')]);
    expect(bill().requests).toBe(1);
  });

  it('is no more keys in one MGET than a thousand', async () => {
    const batches = Array.from({ length: 40 }, (_, batch) => keys.slice(0, 50).map((key) => `${key}:${batch}`));
    await Promise.all(batches.map((batch) => backend.multiGetValues(batch)));
    await Promise.all(Array.from({ length: 1001 }, (_, index) => backend.getValue(`k${index}`)));
    expect(bill()).toEqual({ requests: 4, commands: ['MGET', 'MGET', 'MGET', 'MGET'] });
  });

  it('is one UNLINK for 10,000 keys, and another for one more', async () => {
    const many = Array.from({ length: 10_001 }, (_, index) => `k${index}`);
    await backend.deleteMany(many.slice(1));
    expect(bill()).toEqual({ requests: 1, commands: ['UNLINK'] });
    front.requests.length = 0;
    await backend.deleteMany(many);
    expect(bill()).toEqual({ requests: 1, commands: ['UNLINK', 'UNLINK'] });
  });

  it('is one MGET per round for concurrent readers of one key and of several', async () => {
    await backend.setValue('k', 1);
    front.requests.length = 0;
    const reader = async (_: unknown, index: number): Promise<void> => {
      for (let round = 0; round < 5; round++) {
        if (index % 2 === 0) expect(await backend.getValue('k')).toBe(1);
        else expect(await backend.multiGetValues(['k', 'none'])).toEqual([1, undefined]);
      }
    };
    await Promise.all(Array.from({ length: 64 }, reader));
    expect(bill()).toEqual({ requests: 5, commands: ['MGET', 'MGET', 'MGET', 'MGET', 'MGET'] });
  });

  it('is the fewest requests of 10 MB for a larger batch', async () => {
    const large = Array.from({ length: 6 }, (_, index): [string, string] => [`large${index}`, 'x'.repeat(2_000_000)]);
    await backend.multiSetValues(large, { ttl: 60 });
    expect(bill()).toEqual({ requests: 2, commands: ['EVAL', 'EVAL'] });
    expect(await backend.multiGetValues(large.map(([key]) => key))).toEqual(large.map(([, value]) => value));
  });

  it('is a separate request for a value that was large, so that it delays no other call', async () => {
    await backend.multiSetValues([
      ['large', 'x'.repeat(200_000)],
      ['small', 1],
    ]);
    await Promise.all([backend.getValue('large'), backend.getValue('small')]);
    front.requests.length = 0;
    await Promise.all([backend.getValue('large'), backend.getValue('small')]);
    expect(bill()).toEqual({ requests: 2, commands: ['MGET', 'MGET'] });
    front.requests.length = 0;
    await Promise.all([backend.multiGetValues(['small', 'large']), backend.getValue('small')]);
    expect(bill()).toEqual({ requests: 2, commands: ['MGET', 'MGET'] });
    await backend.setValue('large', 'small by now');
    await backend.getValue('large');
    front.requests.length = 0;
    await Promise.all([backend.getValue('large'), backend.getValue('small')]);
    expect(bill()).toEqual({ requests: 1, commands: ['MGET'] });
    await backend.setValue('large', 'x'.repeat(200_000));
    await backend.multiGetValues(['small', 'large', 'none']);
    front.requests.length = 0;
    await Promise.all(['small', 'large', 'none'].map((key) => backend.getValue(key)));
    expect(bill()).toEqual({ requests: 2, commands: ['MGET', 'MGET'] });
  });
});

describe('a large batch', () => {
  it('of 200,000 keys is stored, read and deleted', async () => {
    const many = connect({ namespace: 'many' });
    const pairs = Array.from({ length: 200_000 }, (_, index): [string, number] => [`k${index}`, index]);
    const keys = pairs.map(([key]) => key);
    await many.multiSetValues(pairs, { ttl: 600 });
    const values = await many.multiGetValues(keys);
    expect(values.every((value, index) => value === index)).toBe(true);
    expect(await many.deleteMany(keys)).toBe(200_000);
    await many.close();
  });

  it('keeps a key named __proto__, and what looks like an index, apart', async () => {
    const pairs: [string, unknown][] = [
      ['b', 1],
      ['__proto__', 2],
      ['1', 3],
      ['constructor', 4],
    ];
    // A namespace would come before each key.
    const bare = connect();
    await bare.multiSetValues(pairs);
    expect(await bare.multiGetValues(pairs.map(([key]) => key))).toEqual([1, 2, 3, 4]);
    await bare.close();
  });
});
