import { inspect } from 'node:util';
import { Client } from 'memjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseServers, parseUrl } from '../src/addresses.ts';
import { type MemcachedBackendOptions, memcachedBackend, memcachedCapabilities } from '../src/memcached.ts';
import { serverConfigs } from '../src/options.ts';

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
  it('makes a backend without reading the environment, for which Deno asks a permission', () => {
    const { env } = process;
    const read: string[] = [];
    process.env = new Proxy(env, { get: (_env, name) => void read.push(String(name)) });
    try {
      memcachedBackend({ servers });
    } finally {
      process.env = env;
    }
    expect(read).toEqual([]);
  });

  it('makes a backend without I/O, timer or random number, and shows no password', () => {
    const spies = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(Math, 'random')];
    const backend = memcachedBackend(
      Object.freeze({ servers: '127.0.0.1:1,[::1]:2', username: 'u', password: 's3cret' }),
    );
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
    expect(backend).toMatchObject({ name: 'memcached', capabilities: memcachedCapabilities });
    expect(inspect(backend, { depth: 9, showHidden: true }) + JSON.stringify(backend)).not.toContain('s3cret');
  });

  const refused: [string, string, unknown][] = [
    ['no options', 'options must be', undefined],
    ['null for options', 'options must be', null],
    ['no server', 'url is missing', {}],
    ['servers: undefined, as process.env gives it', 'url is missing', { servers: undefined }],
    ['url: undefined', 'url is missing', { url: undefined }],
    ['no servers', 'servers must be', { servers: '' }],
    ['an empty list', 'servers must be', { servers: [] }],
    ['a server without a name', 'servers must be', { servers: 'a,,b' }],
    ['a server that is a number', 'servers must be', { servers: [11211] }],
    ['servers that are neither a text nor a list', 'servers must be', { servers: { host: 's3cret', port: 11211 } }],
    ['a login among the servers', 'servers must be', { servers: 'user:s3cret@a:11211' }],
    ['a port of 0', 'servers must be', { servers: 'a:0' }],
    ['a port above 65,535', 'servers must be', { servers: 'a:65536' }],
    ['a server twice', 'a server is named twice', { servers: 'a,a:11211' }],
    ['a url of something else', 'url must be like memcached://', { url: 'redis://user:s3cret@a:11211' }],
    ['a url in a list', 'url must be like', { url: ['memcached://a:11211'] }],
    ['a url with a user and no password', 'url must be like', { url: 'memcached://s3cret@a:11211' }],
    ['a url with a path', 'url must be like', { url: 'memcached://a:11211/s3cret' }],
    ['a url that is badly encoded', 'url must be like', { url: 'memcached://u:s3cret%@a' }],
    ['a url and servers', 'give one of', { url: 'memcached://a', servers }],
    [
      'a login in the url and another beside it',
      'give the login',
      { url: 'memcached://u:s3cret@a', username: 'v', password: 'w' },
    ],
    ['a login in the url and a username beside it', 'give the login', { url: 'memcached://v:s3cret@a', username: 'u' }],
    ['a login in the url and a password beside it', 'give the login', { url: 'memcached://u:v@a', password: 's3cret' }],
    ['a username alone', 'username and password must be', { servers, username: 's3cret' }],
    ['a password alone', 'username and password must be', { servers, password: 's3cret' }],
    ['a username with U+0000', 'username and password must be', { servers, username: 's3cret\0', password: 'p' }],
    ['a password with U+0000', 'username and password must be', { servers, username: 'u', password: 's3cret\0' }],
    ['a password that is a number', 'username and password must be', { servers, username: 's3cret', password: 5 }],
    ['tls: null', 'tls must be', { servers, tls: null }],
    ['a tls that is a text', 'tls must be', { servers, tls: 's3cret' }],
    ['a server name that is no text', 'tls.servername must be', { servers, tls: { servername: 5 } }],
    [
      'a url that asks for TLS, and a tls that is false',
      'the url asks for TLS',
      { url: 'memcacheds://u:s3cret@a', tls: false },
    ],
    ['a client that is none', 'client must be', { client: {} }],
    ['client: null', 'client must be', { client: null }],
    ['a transport that lacks methods', 'transport must have', { transport: { getMany: () => [] } }],
    ['a client and servers', 'give one of', { client: Client.create(servers), servers }],
    ['a client and tls', 'client and transport keep their own settings', { client: Client.create(servers), tls: true }],
    [
      'a transport and a login',
      'client and transport keep their own settings',
      { transport: {}, username: 'a', password: 's3cret' },
    ],
    ['a maxValueBytes of 0', 'maxValueBytes must be', { servers, maxValueBytes: 0 }],
    ['a maxValueBytes that is no whole number', 'maxValueBytes must be', { servers, maxValueBytes: 1.5 }],
    ['a namespace with a colon', 'namespace must be', { servers, namespace: 'a:b' }],
    ['a timeoutMs of 0', 'timeoutMs must be', { servers, timeoutMs: 0 }],
    ['a timeoutMs of null', 'timeoutMs must be', { servers, timeoutMs: null }],
  ];
  for (const [what, reason, options] of refused) {
    it(`refuses ${what} at once and says why without quoting it`, () => {
      const refusal = refusalOf(options);
      expect(refusal).toMatchObject({ code: 'INVALID_OPTIONS', operation: 'create', backend: 'memcached' });
      expect((refusal as Error).message).toContain(`create: ${reason}`);
      expect(inspect(refusal)).not.toContain('s3cret');
    });
  }
});

it.each(['getMany', 'setMany', 'deleteMany', 'incr', 'close'])('refuses a transport without %s', (missing) => {
  const method = (): void => undefined;
  const transport = { getMany: method, setMany: method, deleteMany: method, incr: method, close: method };
  expect(refusalOf({ transport })).toBeUndefined();
  expect(refusalOf({ transport: { ...transport, [missing]: undefined } })).toMatchObject({ code: 'INVALID_OPTIONS' });
});

it('reports in its capabilities the item limit that its options name', () => {
  const { capabilities } = memcachedBackend({ servers, maxValueBytes: 8_386_560 });
  expect(capabilities).toEqual({ ...memcachedCapabilities, maxValueBytes: 8_386_560 });
});

it('gives every server the same login and TLS options', () => {
  const login = { username: 'u', password: 's3cret' };
  const tls = { ca: 'a certificate' };
  const rest = { tls, login, timeoutMs: 5 };
  expect(serverConfigs({ servers: 'a,b:1', ...login, tls }, 5)).toEqual([
    { host: 'a', port: 11211, ...rest },
    { host: 'b', port: 1, ...rest },
  ]);
});

it('accepts a login in the url, and TLS with and without options', () => {
  for (const options of [{ url: 'memcached://u:s3cret@a' }, { servers, tls: true }, { servers, tls: {} }])
    expect(refusalOf(options)).toBeUndefined();
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
    expect(parseServers('[fe80::1%eth0]')).toEqual([{ host: 'fe80::1%eth0', port: 11211 }]);
  });

  it('can be given in a url, with a login of any characters', () => {
    expect(parseUrl('memcacheds://us%3Aer:p%40ss:w%2Ford+@a:1,b/')).toEqual({
      servers: [
        { host: 'a', port: 1 },
        { host: 'b', port: 11211 },
      ],
      username: 'us:er',
      password: 'p@ss:w/ord+',
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
