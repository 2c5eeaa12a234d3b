import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { CacheBackend } from '@ninefold/core';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { until } from '@ninefold/tooling/servers/until';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { Client } from 'memjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseServers, parseUrl } from '../src/addresses.ts';
import { memcachedBackend } from '../src/memcached.ts';

// Numbers, options, addresses and errors that memjs's client handles badly, and ours beside it.

let server: ServerProcess;
let address: string;
let stock: Client;
let ours: CacheBackend;

beforeAll(async () => {
  server = await startMemcached();
  address = `${server.host}:${server.port}`;
  // The default is half a second, which a busy machine may exceed.
  stock = Client.create(address, { timeout: 10 });
  ours = memcachedBackend({ servers: address, namespace: 'ours', timeoutMs: 10_000 });
});

afterAll(async () => {
  stock.close();
  await ours.close();
  await server.stop();
});

describe('memjs, and ours', () => {
  it('has counters of 32 bits that begin at 0 whatever the amount, where ours are exact', async () => {
    await expect(stock.increment('n', 2 ** 32, {})).rejects.toThrow(RangeError);
    expect(await stock.increment('n', 5, {})).toEqual({ success: true, value: 0 });
    await stock.set('n', String(2 ** 32 - 1));
    expect(await stock.increment('n', 1, {})).toEqual({ success: true, value: 256 });
    expect(await ours.incr('n', 5)).toBe(5);
    expect(await ours.incr('n', 2 ** 32)).toBe(2 ** 32 + 5);
    expect(await ours.incr('n', -(2 ** 33))).toBe(2 ** 32 + 5 - 2 ** 33);
  });

  it('keeps an entry with a TTL of half a second for ever, where ours expires it', async () => {
    await stock.set('mortal', 'x', { expires: 0.5 });
    await ours.setValue('mortal', 'x', { ttl: 0.5 });
    await until('it is gone', async () => !(await ours.exists('mortal')));
    expect(String((await stock.get('mortal')).value)).toBe('x');
  });

  it('logs to the console, and ours does not', async () => {
    const words = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    const lost = Client.create('127.0.0.1:1', { retries: 1 });
    await lost.get('k').catch(() => undefined);
    expect(words).toHaveBeenCalled();
    words.mockClear();
    const away = memcachedBackend({ servers: '127.0.0.1:1' });
    const failure = await failureOf(away.getValue('k'));
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: false, cause: { code: 'ECONNREFUSED' } });
    expect(failure.message).toBe('[memcached] getValue "k": cannot be reached (ECONNREFUSED)');
    expect(words).not.toHaveBeenCalled();
    words.mockRestore();
    await away.close();
  });

  it('writes into the options that it is given, and ours does not', async () => {
    const given: Record<string, unknown> = {};
    Client.create(address, given);
    expect(Object.keys(given)).toContain('timeout');
    const tls = {};
    const options = { servers: [address], tls, name: 'mine' };
    memcachedBackend(options);
    expect(options).toEqual({ servers: [address], tls: {}, name: 'mine' });
  });

  it('splits IPv6 addresses and passwords at colons, where ours parses them whole', () => {
    const [ipv6] = Client.create('[::1]:11211').servers;
    expect(ipv6?.host).toBe('[');
    expect(parseServers('[::1]:11211')).toEqual([{ host: '::1', port: 11211 }]);
    const [login] = Client.create('user:pass:word@host:1').servers;
    expect(login?.password).toBe('pass');
    expect(parseUrl('memcached://user:pass:word@host:1')?.password).toBe('pass:word');
  });

  it('hangs when the server has too many connections, where ours rejects with that reason', async () => {
    const full = await startMemcached(['-c', '100']);
    const fullAddress = `${full.host}:${full.port}`;
    const others = Array.from({ length: 150 }, () => connect(full.port, full.host).resume());
    for (const other of others) other.on('error', () => undefined);
    // The server ends connections beyond its limit.
    await until('no room is left', async () =>
      others.some(({ readableEnded, destroyed }) => readableEnded || destroyed),
    );
    const late = memcachedBackend({ servers: fullAddress, timeoutMs: 10_000 });
    const failure = await failureOf(late.setValue('k', 2));
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied: false });
    expect(failure.message).toContain('too many connections');
    // It rejects where the server's end of the connection reaches it as a reset.
    await until('a call hangs', async () => {
      const third = Client.create(fullAddress, { logger: { log: () => undefined } });
      const outcome = await Promise.race([third.get('k').catch(() => 'rejects'), sleep(3000, 'hangs')]);
      third.close();
      return outcome === 'hangs';
    });
    for (const other of others) other.destroy();
    await until('there is room again', () =>
      late.setValue('k', 2).then(
        () => true,
        () => false,
      ),
    );
    await late.close();
    await full.stop();
  });

  it('ends the process when a deserializer throws, where ours rejects that call', async () => {
    await stock.set('ours:text', 's3cret');
    await stock.set('text', 's3cret');
    const program = `
      const { Client } = require('memjs');
      const serializer = { serialize: (o, value, extras) => ({ value, extras }), deserialize: () => { throw new Error('mine'); } };
      Client.create('${address}', { serializer }).get('text').catch(() => process.exit(0));`;
    const died = promisify(execFile)(process.execPath, ['-e', program], { cwd: import.meta.dirname });
    await expect(died).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('Error: mine') });
    const serializer = {
      serialize: String,
      deserialize: (): never => {
        throw new Error('s3cret');
      },
    };
    const strict = memcachedBackend({ servers: address, namespace: 'ours', serializer, timeoutMs: 10_000 });
    expect(await failureOf(strict.getValue('text'), ['s3cret'])).toMatchObject({ code: 'CORRUPT', key: 'text' });
    await strict.close();
  });
});
