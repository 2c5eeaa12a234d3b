import { inspect } from 'node:util';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { Redis } from '@upstash/redis';
import { describe, expect, it, vi } from 'vitest';
import { type UpstashBackendOptions, upstashBackend, upstashCapabilities } from '../src/upstash.ts';

const url = 'https://example.upstash.io';
const token = 's3cret';

function refusalOf(options: unknown): unknown {
  try {
    upstashBackend(options as UpstashBackendOptions);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('upstashBackend', () => {
  it('makes a backend without I/O, timer, signal or a word on the console', () => {
    const spies = [
      vi.spyOn(globalThis, 'fetch'),
      vi.spyOn(globalThis, 'setTimeout'),
      vi.spyOn(globalThis, 'AbortController'),
      vi.spyOn(Math, 'random'),
      vi.spyOn(console, 'warn'),
    ];
    const backend = upstashBackend(Object.freeze({ url, token }));
    expect(backend.name).toBe('upstash');
    expect(backend.capabilities).toEqual(upstashCapabilities);
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });

  const refused: [string, string, unknown][] = [
    ['no options', 'options must be', undefined],
    ['no url', 'url is missing', { token }],
    ['url: undefined, as process.env gives it', 'url is missing', { url: undefined, token }],
    ['an empty url', 'url is missing', { url: '', token }],
    ['a redis:// url', 'url must be', { url: 'redis://s3cret@example.upstash.io:6379', token }],
    ['a url with a password', 'url must be', { url: 'https://user:s3cret@example.upstash.io', token }],
    ['a url that is none', 'url must be', { url: 's3cret', token }],
    ['a url with a space before it', 'url must be', { url: ` ${url}/s3cret`, token }],
    ['a url with a space at its end, as a .env file may give it', 'url must be', { url: `${url}/s3cret `, token }],
    ['a url with a line break at its end', 'url must be', { url: `${url}/s3cret\n`, token }],
    ['a url with a query, behind which no path can stand', 'url must be', { url: `${url}?_token=s3cret`, token }],
    ['a url with a fragment, behind which no path can stand', 'url must be', { url: `${url}#s3cret`, token }],
    ['a url with a port that is none', 'url must be', { url: `${url}:s3cret`, token }],
    ['no token', 'token is missing', { url }],
    ['token: undefined', 'token is missing', { url, token: undefined }],
    ['a token with a space', 'token contains', { url, token: 's3cret token' }],
    ['a token with a line break', 'token contains', { url, token: 's3cret\n' }],
    ['a fetch that is none', 'fetch must be', { url, token, fetch: 's3cret' }],
    ['a client that is none', 'client must be', { client: {} }],
    ['client: null', 'client must be', { client: null }],
    [
      'a client and a fetch',
      'client keeps its own settings: leave out fetch',
      { client: new Redis({ url, token, automaticDeserialization: false }), fetch },
    ],
    [
      'a client and a url',
      'give { url, token } or { client }, not both',
      { client: new Redis({ url, token, automaticDeserialization: false }), url },
    ],
    [
      'a client and a token',
      'give { url, token } or { client }, not both',
      { client: new Redis({ url, token, automaticDeserialization: false }), token },
    ],
    ['a client that turns texts into values', 'client changes values', { client: new Redis({ url, token }) }],
    ['a maxValueBytes of 0', 'maxValueBytes must be', { url, token, maxValueBytes: 0 }],
    ['a maxValueBytes that is no whole number', 'maxValueBytes must be', { url, token, maxValueBytes: 1.5 }],
    ['a namespace with a colon', 'namespace must be', { url, token, namespace: 'a:b' }],
    ['a timeoutMs of 0', 'timeoutMs must be', { url, token, timeoutMs: 0 }],
    ['a timeoutMs of null', 'timeoutMs must be', { url, token, timeoutMs: null }],
  ];
  for (const [what, reason, options] of refused) {
    it(`refuses ${what} at once and says why without quoting it`, () => {
      const refusal = refusalOf(options);
      expect(refusal).toMatchObject({ code: 'INVALID_OPTIONS', operation: 'create', backend: 'upstash' });
      expect((refusal as Error).message).toContain(`create: ${reason}`);
      expect(inspect(refusal)).not.toContain('s3cret');
    });
  }

  it('takes a client of the caller that leaves values as they are', () => {
    const client = new Redis({ url, token, automaticDeserialization: false });
    expect(upstashBackend({ client, name: 'mine', maxValueBytes: 100 })).toMatchObject({
      name: 'mine',
      capabilities: { maxValueBytes: 100 },
    });
  });

  it('shows neither url nor token in inspect or JSON', () => {
    const backend = upstashBackend({ url: `${url}/s3cret`, token });
    expect(inspect(backend, { depth: 9, showHidden: true }) + JSON.stringify(backend)).not.toContain('s3cret');
  });

  it('lets a call to a silent service wait for five seconds by default', async () => {
    const backend = upstashBackend({ url, token, fetch: () => new Promise(() => undefined) });
    expect((await failureOf(backend.getValue('k'))).message).toContain('within 5000 ms');
    await backend.close();
  });
});
