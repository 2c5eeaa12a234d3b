import { once } from 'node:events';
import { connect } from 'node:net';
import type { CacheBackend } from '@ninefold/core';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { Client } from 'memjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyInServer, memcachedBackend } from '../src/memcached.ts';

let server: ServerProcess;
let backend: CacheBackend;
let other: Client;

beforeAll(async () => {
  server = await startMemcached();
  backend = memcachedBackend({ servers: `${server.host}:${server.port}`, namespace: 'ns', timeoutMs: 10_000 });
  other = Client.create(`${server.host}:${server.port}`, { timeout: 10 });
});

afterAll(async () => {
  other.close();
  await backend.close();
  await server.stop();
});

/** The text that the server stores under a key of the backend. */
async function raw(key: string): Promise<string> {
  return String((await other.get(keyInServer(key, { namespace: 'ns' }))).value);
}

/** The remaining seconds of an entry, as the server reports them; -1 is for ever, 0 is gone. */
async function secondsLeft(key: string): Promise<number> {
  const socket = connect(server.port, server.host);
  socket.write(`mg ${keyInServer(key, { namespace: 'ns' })} t\r\n`);
  const [answer] = await once(socket, 'data');
  socket.destroy();
  return String(answer) === 'EN\r\n' ? 0 : Number(/^HD t(-?\d+)\r\n$/.exec(String(answer))?.[1]);
}

describe('keys', () => {
  it('are stored as they are if the server accepts them, and hashed if not', async () => {
    expect(keyInServer('user:1')).toBe('user:1');
    expect(keyInServer('user:1', { namespace: 'ns' })).toBe('ns:user:1');
    expect(keyInServer('x'.repeat(250))).toBe('x'.repeat(250));
    // Of SHA-256 in base64url, by `printf %s 'a b' | openssl dgst -sha256 -binary | basenc --base64url`.
    expect(keyInServer('a b')).toBe('ninefold:sha256:yGh6CKpdbtIEQyj6aml6uOltw0KR6MIDSujDjm_MbWU');
    for (const key of ['a b', 'naïve', 'line\n', '\u007f', 'x'.repeat(251), '😀']) {
      expect(keyInServer(key)).toMatch(/^ninefold:sha256:[\w-]{43}$/);
      await backend.setValue(key, key);
      expect(await raw(key)).toBe(JSON.stringify({ json: key }));
    }
  });

  it('that are no strings have no form in the server', () => {
    for (const key of [undefined, null, 5, {}, Symbol('k')] as never[]) {
      const call = () => keyInServer(key);
      expect(call).toThrow(expect.objectContaining({ code: 'INVALID_KEY', operation: 'keyInServer' }));
    }
  });

  it('that look like a hashed key are distinct from it', async () => {
    const bare = memcachedBackend({ servers: `${server.host}:${server.port}`, timeoutMs: 10_000 });
    const imitation = keyInServer('a b');
    await bare.multiSetValues([
      ['a b', 1],
      [imitation, 2],
    ]);
    expect(await bare.multiGetValues(['a b', imitation])).toEqual([1, 2]);
    await bare.close();
  });
});

it('values are stored with flags of 0, which other clients take for a text', async () => {
  await backend.multiSetValues([
    ['text', 'x'],
    ['n', 1],
  ]);
  for (const key of ['text', 'n']) expect((await other.get(`ns:${key}`)).flags).toEqual(Buffer.alloc(4));
});

describe('counters', () => {
  it('are stored as 19 digits, 2^62 above their value', async () => {
    const numbers = [42, 0, -42, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
    for (const number of numbers) {
      await backend.setValue('n', number);
      expect(await raw('n')).toBe(String(2n ** 62n + BigInt(number)));
      await backend.delete('n');
      await backend.incr('n', number);
      expect(await raw('n')).toBe(String(2n ** 62n + BigInt(number)));
    }
  });

  it('of another program are CORRUPT to read and NOT_A_COUNTER to increment', async () => {
    const last = String(2n ** 64n - 1n);
    const beyond = [2n ** 62n + 2n ** 53n, 2n ** 62n - 2n ** 53n].map(String);
    for (const text of ['0', '91', '41', '-41', ...beyond, last]) {
      await other.set('ns:foreign', text);
      expect(await failureOf(backend.getValue('foreign'))).toMatchObject({ code: 'CORRUPT' });
      expect(await failureOf(backend.incr('foreign', 5))).toMatchObject({
        code: 'NOT_A_COUNTER',
        retryable: false,
        // A number with a sign is none to the server.
        maybeApplied: text !== '-41',
      });
      expect(await backend.exists('foreign')).toBe(true);
      // Near the end of 64 bits the increment wraps around, and undoing it stops at 0.
      if (text !== last) expect(await raw('foreign')).toBe(text);
    }
    await other.set('ns:foreign', '5 apples');
    expect(await failureOf(backend.getValue('foreign'))).toMatchObject({ code: 'CORRUPT' });
  });
});

describe('text from a serializer that memcached would take for a number', () => {
  const texts = [
    '007',
    '+5',
    '-0',
    ' 41',
    '5 apples',
    '5\n',
    '5\u0000',
    '\t\v\f\r5',
    `-${2n ** 64n - 1n} x`,
    "'5",
    "'",
  ];
  for (const text of texts) {
    it(`such as ${JSON.stringify(text)} is no counter, and stays as it was`, async () => {
      const serializer = { serialize: String, deserialize: (stored: string) => stored };
      const bare = memcachedBackend({
        servers: `${server.host}:${server.port}`,
        namespace: 'bare',
        serializer,
        timeoutMs: 10_000,
      });
      await bare.multiSetValues([
        ['k', text],
        ['other', '5.5'],
      ]);
      for (const delta of [1, -3, 0]) {
        expect(await failureOf(bare.incr('k', delta))).toMatchObject({ code: 'NOT_A_COUNTER', maybeApplied: false });
      }
      expect(await bare.getValue('k')).toBe(text);
      expect(await bare.multiGetValues(['k', 'other'])).toEqual([text, '5.5']);
      await bare.close();
    });
  }
});

it('text from a serializer that memcached would not take for a number is stored as it is', async () => {
  const serializer = { serialize: String, deserialize: (stored: string) => stored };
  const servers = `${server.host}:${server.port}`;
  const bare = memcachedBackend({ servers, namespace: 'ns', serializer, timeoutMs: 10_000 });
  for (const text of ['5x', '2038-01-19', '5.5', 'x5', '-', '- 5']) {
    await bare.setValue('k', text);
    expect(await raw('k')).toBe(text);
    expect(await bare.getValue('k')).toBe(text);
    expect(await failureOf(bare.incr('k'))).toMatchObject({ code: 'NOT_A_COUNTER', maybeApplied: false });
    expect(await raw('k')).toBe(text);
  }
  await bare.close();
});

describe('a TTL', () => {
  const day = 86_400;
  const ttls = [
    0.2,
    1,
    1.5,
    60,
    30 * day - 2,
    30 * day - 1,
    30 * day,
    30 * day + 1,
    45 * day,
    3652 * day,
    1_000_000_000,
  ];
  for (const ttl of ttls) {
    it(`of ${ttl} s is kept, and lasts up to two seconds longer`, async () => {
      const start = performance.now();
      await backend.setValue('mortal', 'x', { ttl });
      await backend.delete('counter');
      await backend.incr('counter', 1, { ttl });
      for (const key of ['mortal', 'counter']) {
        const left = await secondsLeft(key);
        // Less the time that a busy machine took meanwhile.
        expect(left).toBeGreaterThanOrEqual(Math.ceil(ttl) - (performance.now() - start) / 1000);
        // A date is seen by a clock that may be a second behind.
        expect(left).toBeLessThanOrEqual(Math.ceil(ttl) + (ttl <= 30 * day - 2 ? 2 : 3));
      }
    });
  }

  it.each([0.2, 1, 1.5])(
    'of %d s is rounded up to whole seconds, plus the two by which the server’s clock may jump',
    async (ttl) => {
      // A second fewer if the clock ticks in between.
      await expect
        .poll(async () => {
          await backend.setValue('mortal', 'x', { ttl });
          return await secondsLeft('mortal');
        })
        .toBe(Math.ceil(ttl) + 2);
    },
  );

  it('that is not given means that the entry never expires', async () => {
    await backend.setValue('immortal', 'x', { ttl: 60 });
    await backend.setValue('immortal', 'x');
    expect(await secondsLeft('immortal')).toBe(-1);
    await backend.incr('immortal counter');
    expect(await secondsLeft('immortal counter')).toBe(-1);
  });
});

describe('a value over the item limit', () => {
  it('is TOO_LARGE and named by its key; the old value is gone, and the rest of the batch is stored', async () => {
    await backend.setValue('large', 'old');
    const batch = backend.multiSetValues([
      ['before', 1],
      ['large', 'x'.repeat(1_048_576)],
      ['after', 2],
    ]);
    expect(await failureOf(batch)).toMatchObject({
      code: 'TOO_LARGE',
      key: 'large',
      maybeApplied: true,
      retryable: false,
    });
    expect(await backend.multiGetValues(['before', 'large', 'after'])).toEqual([1, undefined, 2]);
    const hashed = backend.multiSetValues([
      ['one', 1],
      ['large, hashed', 'x'.repeat(1_048_576)],
    ]);
    expect(await failureOf(hashed)).toMatchObject({ code: 'TOO_LARGE', key: 'large, hashed' });
    // Two in the first of the parts that such a batch is written in.
    const rest = Array.from({ length: 50_000 }, (_, index) => [`rest${index}`, index] as const);
    const parts = backend.multiSetValues([['a', 'x'.repeat(1_048_520)], ['b', 'x'.repeat(1_048_520)], ...rest]);
    expect(await failureOf(parts)).toMatchObject({ code: 'TOO_LARGE', key: 'a' });
    const stored = await backend.multiGetValues(rest.map(([key]) => key));
    expect(stored.findIndex((value, index) => value !== index)).toBe(-1);
    const single = await failureOf(backend.setValue('large', 'x'.repeat(1_048_576)));
    expect(single).toMatchObject({ code: 'TOO_LARGE', maybeApplied: false });
  });
});
