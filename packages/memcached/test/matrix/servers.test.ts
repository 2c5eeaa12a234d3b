import type { CacheBackend } from '@ninefold/core';
import { describeCacheBackend, faults, runFaultRule } from '@ninefold/core/conformance';
import { certificate } from '@ninefold/tooling/servers/certificate';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { unpackedServer } from '@ninefold/tooling/servers/unpack';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { Client } from 'memjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MemcachedServersOptions, memcachedBackend, memcachedCapabilities } from '../../src/memcached.ts';
import { startLab } from '../support/lab.ts';

const login = { username: 'cache', password: 's3cret:P@ss,word' };

interface Kind {
  readonly name: string;
  readonly start: () => Promise<ServerProcess>;
  readonly options?: () => Promise<Partial<MemcachedServersOptions>>;
}

const newer = () => unpackedServer('memcached 1.6.38');
const tls = async () => ({ tls: { ca: (await certificate()).ca } });

/** Bytes of text in an item of 8 MiB, which memcached keeps in chunks with a header each. */
const EIGHT_MIB = 8 * 1024 * 1024 - 2048;

const kinds: readonly Kind[] = [
  { name: 'with a login', start: () => startMemcached([], { login }), options: async () => login },
  { name: 'over TLS', start: () => startMemcached([], { tls: true }), options: tls },
  {
    name: 'with items of 8 MiB',
    start: () => startMemcached(['-I', '8m', '-m', '256']),
    options: async () => ({ maxValueBytes: EIGHT_MIB }),
  },
  {
    name: '1.6.9',
    start: async () => startMemcached([], { program: await unpackedServer('memcached 1.6.9') }),
  },
  { name: '1.6.38', start: async () => startMemcached([], { program: await newer() }) },
  {
    name: '1.6.38 over TLS',
    start: async () => startMemcached([], { program: await newer(), tls: true }),
    options: tls,
  },
];

for (const { name, start, options } of kinds) {
  describe(`memcached ${name}`, () => {
    let server: ServerProcess;
    let given: Partial<MemcachedServersOptions> = {};
    beforeAll(async () => {
      server = await start();
      given = (await options?.()) ?? {};
    });
    afterAll(() => server.stop());
    const { maxValueBytes = memcachedCapabilities.maxValueBytes } = name.includes('8 MiB')
      ? { maxValueBytes: EIGHT_MIB }
      : {};
    describeCacheBackend('keeps every rule', {
      describe,
      it,
      create: (more) => memcachedBackend({ servers: `localhost:${server.port}`, timeoutMs: 10_000, ...given, ...more }),
      capabilities: { ...memcachedCapabilities, maxValueBytes },
    });
  });
}

async function withServer(server: Promise<ServerProcess>, work: (servers: string) => Promise<void>): Promise<void> {
  const { port, stop } = await server;
  try {
    await work(`localhost:${port}`);
  } finally {
    await stop();
  }
}

async function closing(backend: CacheBackend, work: (backend: CacheBackend) => Promise<void>): Promise<void> {
  try {
    await work(backend);
  } finally {
    await backend.close();
  }
}

describe('a login', () => {
  it('that is wrong or missing is AUTH, without the password, where memjs rejects with a string', async () => {
    await withServer(startMemcached([], { login }), async (servers) => {
      for (const wrong of [
        { ...login, password: 's3cret:wrong' },
        { username: 'nobody', password: 's3cret:wrong' },
        {},
      ]) {
        await closing(memcachedBackend({ servers, ...wrong }), async (backend) => {
          for (const call of [backend.getValue('k'), backend.setValue('k', 1), backend.incr('n')]) {
            const failure = await failureOf(call, ['s3cret']);
            expect(failure).toMatchObject({ code: 'AUTH', retryable: false, maybeApplied: false });
            expect(failure.message).toContain('username' in wrong ? 'wrong user name' : 'requires a user name');
          }
        });
      }
      const stock = Client.create(servers, { username: 'cache', password: 'wrong', logger: { log: () => undefined } });
      const thrown = await stock.get('k').catch((error: unknown) => error);
      expect(thrown).toBeTypeOf('string');
      await closing(memcachedBackend({ client: stock }), async (backend) => {
        // memjs sends it once a login succeeds.
        expect(await failureOf(backend.setValue('k', 1))).toMatchObject({ code: 'AUTH', maybeApplied: true });
      });
      stock.close();
    });
  });

  it('works in the url too, with any characters', async () => {
    await withServer(startMemcached([], { login }), async (servers) => {
      const { username, password } = login;
      const url = `memcached://${username}:${encodeURIComponent(password)}@${servers}`;
      await closing(memcachedBackend({ url, timeoutMs: 10_000 }), async (backend) => {
        await backend.setValue('k', 'v');
        expect(await backend.getValue('k')).toBe('v');
      });
    });
  });

  it('that the server does not support is AUTH', async () => {
    await withServer(startMemcached(), async (servers) => {
      await closing(memcachedBackend({ servers, ...login }), async (backend) => {
        const failure = await failureOf(backend.getValue('k'), [login.password]);
        expect(failure).toMatchObject({ code: 'AUTH' });
        expect(failure.message).toContain('does not support login');
      });
    });
  });

  it('works with a stock client', async () => {
    await withServer(startMemcached([], { login }), async (servers) => {
      const stock = Client.create(servers, { ...login });
      await closing(memcachedBackend({ client: stock }), async (backend) => {
        await backend.multiSetValues([
          ['a', 1],
          ['b', 'two'],
        ]);
        expect(await backend.multiGetValues(['a', 'b', 'c'])).toEqual([1, 'two', undefined]);
      });
      stock.close();
    });
  });

  describe('through a fault proxy', () => {
    for (const rule of faults) {
      it(`${rule.id}: ${rule.text}`, async () => {
        const { lab, stop } = await startLab(undefined, login);
        try {
          await runFaultRule(rule, lab, 'memcached with a login');
        } finally {
          await stop();
        }
      });
    }
  });
});

describe('TLS', () => {
  it('refuses an untrusted certificate, and a server without TLS', async () => {
    await withServer(startMemcached([], { tls: true }), async (servers) => {
      await closing(memcachedBackend({ servers, tls: true }), async (backend) => {
        const failure = await failureOf(backend.setValue('k', 1));
        expect(failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: false });
        expect(failure.message).toContain('CERT');
      });
      await closing(memcachedBackend({ servers }), async (backend) => {
        const failure = await failureOf(backend.setValue('k', 1));
        expect(failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: false });
        expect(failure.message).toContain('may require TLS');
      });
    });
    await withServer(startMemcached(), async (servers) => {
      await closing(memcachedBackend({ servers, tls: true }), async (backend) => {
        const failure = await failureOf(backend.setValue('k', 1));
        expect(failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: false });
        expect(failure.message).toContain('may not speak TLS');
      });
    });
  });
});

describe('over TLS, no call waits for bytes that the server has left in a record of 16 KiB', () => {
  /** Bytes that calls of one tick send together: across the end of a record, byte for byte, and then any. */
  const sizes = [
    ...Array.from({ length: 400 }, (_, index) => 16_384 - 50 + index),
    ...Array.from({ length: 150 }, (_, index) => 16_800 + index * 331),
  ];
  /** Bytes of a SET besides key and value, of the NOOP that ends a batch, and of each key. */
  const SET_BYTES = 32;
  const NOOP_BYTES = 24;
  const KEY_BYTES = 20;
  const serializer = { serialize: String, deserialize: (text: string) => text };

  /** Entries with texts of equal lengths, except the last, that take `bytes` in one batch. */
  function entriesOf(bytes: number, count: number): readonly (readonly [key: string, value: string])[] {
    const text = bytes - NOOP_BYTES - count * (SET_BYTES + KEY_BYTES);
    const each = Math.floor(text / count);
    return Array.from({ length: count }, (_, index) => [
      `${index}`.padStart(KEY_BYTES, 'k'),
      'v'.repeat(index < count - 1 ? each : text - each * (count - 1)),
    ]);
  }

  it.each([
    ['1.6.18', 'one batch of small entries', 1, 120],
    ['1.6.18', 'four batches of small entries', 4, 30],
    ['1.6.18', 'one batch of two large entries', 1, 2],
    ['1.6.38', 'one batch of small entries', 1, 120],
    ['1.6.38', 'four batches of small entries', 4, 30],
    ['1.6.38', 'one batch of two large entries', 1, 2],
  ])('memcached %s: %s', async (version, _what, batches, count) => {
    const program = version === '1.6.38' ? await newer() : undefined;
    await withServer(startMemcached([], { tls: true, program }), async (servers) => {
      const options = { servers, timeoutMs: 1000, serializer, ...(await tls()) };
      await closing(memcachedBackend(options), async (backend) => {
        const stalled: number[] = [];
        for (const size of sizes) {
          const share = Math.floor(size / batches);
          const shares = Array.from({ length: batches }, (_, index) =>
            index < batches - 1 ? share : size - share * (batches - 1),
          );
          const calls = shares.map((bytes) => backend.multiSetValues(entriesOf(bytes, count)));
          const outcomes = await Promise.allSettled(calls);
          if (outcomes.some(({ status }) => status === 'rejected')) stalled.push(size);
          if (stalled.length === 3) break;
        }
        expect(stalled).toEqual([]);
      });
    });
  });
});

describe('a server of the text protocol', () => {
  it('is recognised at once, and no key or value is sent to it', async () => {
    for (const program of [undefined, await newer()]) {
      await withServer(startMemcached(['-B', 'ascii'], { program }), async (servers) => {
        for (const given of [{}, login]) {
          await closing(memcachedBackend({ servers, timeoutMs: 20_000, ...given }), async (backend) => {
            const failure = await failureOf(backend.multiSetValues([['k', 1]]), [login.password]);
            expect(failure).toMatchObject({ code: 'BACKEND', retryable: false, maybeApplied: false });
            expect(failure.message).toContain('text protocol');
          });
        }
      });
    }
  });
});

describe('a server whose memory is full', () => {
  it('evicts old entries, and returns the right values for the rest', async () => {
    await withServer(startMemcached(['-m', '2']), async (servers) => {
      await closing(memcachedBackend({ servers, timeoutMs: 10_000 }), async (backend) => {
        const value = (index: number): string => `${index} `.padEnd(10_000, 'x');
        const keys = Array.from({ length: 2000 }, (_, index) => `k${index}`);
        for (const [index, key] of keys.entries()) await backend.setValue(key, value(index));
        const values = await backend.multiGetValues(keys);
        expect(values.at(-1)).toBe(value(keys.length - 1));
        expect(values.filter((found) => found === undefined).length).toBeGreaterThan(0);
        for (const [index, found] of values.entries()) if (found !== undefined) expect(found).toBe(value(index));
      });
    });
  });

  it('and that may not evict rejects BACKEND, with nothing applied', async () => {
    await withServer(startMemcached(['-m', '2', '-M']), async (servers) => {
      await closing(memcachedBackend({ servers, timeoutMs: 10_000 }), async (backend) => {
        const fill = async (): Promise<void> => {
          for (let index = 0; index < 2000; index++) await backend.setValue(`k${index}`, 's3cret'.padEnd(10_000, 'x'));
        };
        const failure = await failureOf(fill(), ['s3cret']);
        expect(failure).toMatchObject({ code: 'BACKEND', maybeApplied: false, cause: { code: '0x0082' } });
      });
    });
  });

  it('and has no room for a login does not blame the login', async () => {
    await withServer(startMemcached(['-m', '2', '-M'], { login }), async (servers) => {
      await closing(memcachedBackend({ servers, ...login, timeoutMs: 10_000 }), async (backend) => {
        const pairs = Array.from({ length: 50_000 }, (_, index) => [`k${index}`, index] as const);
        expect(await failureOf(backend.multiSetValues(pairs))).toMatchObject({ cause: { code: '0x0082' } });
      });
      await closing(memcachedBackend({ servers, ...login, timeoutMs: 10_000 }), async (backend) => {
        const failure = await failureOf(backend.getValue('k0'), [login.password]);
        expect(failure).toMatchObject({ code: 'BACKEND', cause: { code: '0x0082' } });
        expect(failure.message).toContain('out of memory');
      });
    });
  });
});
