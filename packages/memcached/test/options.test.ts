import { inspect } from 'node:util';
import { Client } from 'memjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseServers, parseUrl } from '../src/addresses.ts';
import { type MemcachedBackendOptions, memcachedBackend, memcachedCapabilities } from '../src/memcached.ts';

const servers = '127.0.0.1:1';

function refusalOf(options: unknown): unknown {
  try {
    memcachedBackend(options as MemcachedBackendOptions);
  } catch (error) {
    return error;
  }
  return undefined;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('memcachedBackend', () => {
  it('makes a backend without I/O, timer or random number, and shows no password', () => {
    const spies = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(Math, 'random')];
    const backend = memcachedBackend(
      Object.freeze({ servers: '127.0.0.1:1,[::1]:2', username: 'u', password: 's3cret' }),
    );
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
    expect(backend).toMatchObject({ name: 'memcached', capabilities: memcachedCapabilities });
    expect(inspect(backend, { depth: 9, showHidden: true }) + JSON.stringify(backend)).not.toContain('s3cret');
  });

  const refused: [string, unknown][] = [
    ['no options', undefined],
    ['no server', {}],
    ['servers: undefined, as process.env gives it', { servers: undefined }],
    ['url: undefined', { url: undefined }],
    ['no servers', { servers: '' }],
    ['an empty list', { servers: [] }],
    ['a server without a name', { servers: 'a,,b' }],
    ['a server that is a number', { servers: [11211] }],
    ['servers that are neither a text nor a list', { servers: { host: 's3cret', port: 11211 } }],
    ['a login among the servers', { servers: 'user:s3cret@a:11211' }],
    ['a port of 0', { servers: 'a:0' }],
    ['a port above 65,535', { servers: 'a:65536' }],
    ['a server twice', { servers: 'a,a:11211' }],
    ['a url of something else', { url: 'redis://user:s3cret@a:11211' }],
    ['a url with a user and no password', { url: 'memcached://s3cret@a:11211' }],
    ['a url with a path', { url: 'memcached://a:11211/s3cret' }],
    ['a url that is badly encoded', { url: 'memcached://u:s3cret%@a' }],
    ['a url and servers', { url: 'memcached://a', servers }],
    ['a login in the url and another beside it', { url: 'memcached://u:s3cret@a', username: 'v', password: 'w' }],
    ['a login in the url and a username beside it', { url: 'memcached://v:s3cret@a', username: 'u' }],
    ['a login in the url and a password beside it', { url: 'memcached://u:v@a', password: 's3cret' }],
    ['a username alone', { servers, username: 's3cret' }],
    ['a password with U+0000', { servers, username: 'u', password: 's3cret\0' }],
    ['a password that is a number', { servers, username: 's3cret', password: 5 }],
    ['tls: null', { servers, tls: null }],
    ['a tls that is a text', { servers, tls: 's3cret' }],
    ['a url that asks for TLS, and a tls that is false', { url: 'memcacheds://u:s3cret@a', tls: false }],
    ['a client that is none', { client: {} }],
    ['client: null', { client: null }],
    ['a transport that lacks methods', { transport: { getMany: () => [] } }],
    ['a client and servers', { client: Client.create(servers), servers }],
    ['a maxValueBytes of 0', { servers, maxValueBytes: 0 }],
    ['a maxValueBytes that is no whole number', { servers, maxValueBytes: 1.5 }],
    ['a namespace with a colon', { servers, namespace: 'a:b' }],
    ['a timeoutMs of 0', { servers, timeoutMs: 0 }],
  ];
  for (const [what, options] of refused) {
    it(`refuses ${what} at once and quotes nothing of it`, () => {
      const refusal = refusalOf(options);
      expect(refusal).toMatchObject({ code: 'INVALID_OPTIONS', operation: 'create', backend: 'memcached' });
      expect(inspect(refusal)).not.toContain('s3cret');
    });
  }
});

it('accepts a login in the url, and TLS with and without options', () => {
  for (const options of [{ url: 'memcached://u:s3cret@a' }, { servers, tls: true }, { servers, tls: {} }])
    expect(refusalOf(options)).toBeUndefined();
});

it('shows the format of a url when one is malformed', () => {
  const message = expect.stringContaining('url must be like memcached://');
  expect(refusalOf({ url: 'redis://a:11211' })).toMatchObject({ message });
});

it('names the option of the first example in the README when no server is given', () => {
  expect(refusalOf({ url: undefined })).toMatchObject({ message: expect.stringContaining('url is missing') });
});

describe('addresses', () => {
  it('are strings with or without a port, IPv6 in brackets, in a list or separated by commas', () => {
    const expected = [
      { host: 'a.example', port: 11211 },
      { host: '::1', port: 11212 },
      { host: '10.0.0.1', port: 1 },
    ];
    expect(parseServers('a.example, [::1]:11212,10.0.0.1:1')).toEqual(expected);
    expect(parseServers(['a.example:11211', '[::1]:11212', '10.0.0.1:1'])).toEqual(expected);
  });

  it('can be given in a url, with a login of any characters', () => {
    expect(parseUrl('memcacheds://us%3Aer:p%40ss:w%2Ford@a:1,b/')).toEqual({
      servers: [
        { host: 'a', port: 1 },
        { host: 'b', port: 11211 },
      ],
      username: 'us:er',
      password: 'p@ss:w/ord',
      tls: true,
    });
    expect(parseUrl('memcached://:@a:65535')).toEqual({
      servers: [{ host: 'a', port: 65_535 }],
      username: '',
      password: '',
      tls: false,
    });
    expect(parseUrl('memcached://[::1]')).toMatchObject({ servers: [{ host: '::1', port: 11211 }], tls: false });
  });
});
