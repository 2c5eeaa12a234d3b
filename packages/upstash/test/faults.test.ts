import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheBackend, CacheErrorCode } from '@ninefold/core';
import { certificate } from '@ninefold/tooling/servers/certificate';
import { freePort } from '@ninefold/tooling/servers/free-port';
import { listen } from '@ninefold/tooling/servers/listen';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { RewritingProxy } from '@ninefold/tooling/testing/rewriting-proxy';
import type { HttpFault, UpstashFront } from '@ninefold/tooling/upstash-front';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { upstashBackend } from '../src/upstash.ts';
import { startFront } from './support/service.ts';

/** Milliseconds: short enough to wait for. */
const TIMEOUT_MS = 800;

let front: UpstashFront;
let stop: () => Promise<void>;
/** With time enough for a busy machine. */
let backend: CacheBackend;
let hasty: CacheBackend;

beforeAll(async () => {
  ({ front, stop } = await startFront());
  const service = { url: front.url, token: front.token, namespace: 'faults' };
  backend = upstashBackend({ ...service, timeoutMs: 10_000 });
  hasty = upstashBackend({ ...service, timeoutMs: TIMEOUT_MS });
});

afterAll(async () => {
  await Promise.all([backend.close(), hasty.close()]);
  await stop();
});

afterEach(async () => {
  front.heal();
  // A request that is delayed past its call's deadline must not count among those of a later test.
  await front.settled();
});

interface Expected {
  readonly code: CacheErrorCode;
  readonly retryable: boolean;
  /** Of a write. */
  readonly maybeApplied: boolean;
  /** Whether the command ran all the same. */
  readonly ran: boolean;
}

const lost = { code: 'UNAVAILABLE', retryable: true, maybeApplied: true } as const;
const strange = { code: 'BACKEND', retryable: false, maybeApplied: true, ran: false } as const;

const faults: [string, HttpFault, Expected][] = [
  ['a request lost on its way', { kind: 'drop-request' }, { ...lost, ran: false }],
  ['an answer lost on its way', { kind: 'drop-reply' }, { ...lost, ran: true }],
  ['a body cut in the middle', { kind: 'cut-body' }, { ...lost, ran: true }],
  ['no answer', { kind: 'hang' }, { ...lost, code: 'TIMEOUT', ran: false }],
  ['a body that hangs', { kind: 'hang-body' }, { ...lost, code: 'TIMEOUT', ran: true }],
  [
    'an answer after the deadline',
    // In a stall of this process a shorter delay would end with the deadline.
    { kind: 'delay', delayMs: 60_000 },
    { ...lost, code: 'TIMEOUT', ran: true },
  ],
  ['HTTP 401', { kind: 'status', status: 401 }, { code: 'AUTH', retryable: false, maybeApplied: false, ran: false }],
  ['HTTP 403', { kind: 'status', status: 403 }, { code: 'AUTH', retryable: false, maybeApplied: false, ran: false }],
  [
    'HTTP 429 with Retry-After',
    { kind: 'status', status: 429, headers: { 'retry-after': '60' } },
    { code: 'UNAVAILABLE', retryable: true, maybeApplied: false, ran: false },
  ],
  ['HTTP 500', { kind: 'status', status: 500 }, { ...lost, ran: false }],
  ['HTTP 503', { kind: 'status', status: 503 }, { ...lost, ran: false }],
  ['HTTP 504', { kind: 'status', status: 504 }, { ...lost, ran: false }],
  ['HTTP 408', { kind: 'status', status: 408 }, { ...lost, ran: false }],
  [
    'HTTP 413',
    { kind: 'status', status: 413 },
    { code: 'TOO_LARGE', retryable: false, maybeApplied: false, ran: false },
  ],
  ['HTTP 404', { kind: 'status', status: 404 }, { code: 'BACKEND', retryable: false, maybeApplied: false, ran: false }],
  ['HTTP 500 with null', { kind: 'raw', status: 500, body: 'null' }, { ...lost, ran: false }],
  ['a redirect', { kind: 'redirect' }, { code: 'BACKEND', retryable: false, maybeApplied: false, ran: false }],
  ['200 with HTML', { kind: 'html' }, strange],
  ['200 with nothing', { kind: 'empty' }, strange],
  ['200 with {}', { kind: 'raw', body: '{}' }, strange],
  ['200 with null', { kind: 'raw', body: 'null' }, strange],
  ['200 with a list of nothing', { kind: 'raw', body: '[]' }, strange],
  ['200 with a result of the wrong type', { kind: 'raw', body: '[{"result":{}}]' }, strange],
  ['200 with neither result nor error', { kind: 'raw', body: '[{}]' }, strange],
  ['200 with an error that is null', { kind: 'raw', body: '[{"error":null}]' }, strange],
  ['200 with an error that is no text', { kind: 'raw', body: '[{"result":1,"error":{"code":"OOM"}}]' }, strange],
  ['200 with answers of another request', { kind: 'raw', body: '[{"result":1},{"result":2}]' }, strange],
  ['200 with what are no results', { kind: 'raw', body: '[null]' }, strange],
  ['200 with lists for results', { kind: 'raw', body: '[[]]' }, strange],
  ['200 with half a document', { kind: 'raw', body: '[{"result":1' }, strange],
];

describe('a failure of the service', () => {
  for (const [what, fault, expected] of faults) {
    const { code, retryable, maybeApplied, ran } = expected;
    const failing = (): CacheBackend => (code === 'TIMEOUT' ? hasty : backend);

    it(`that is ${what} makes an increment ${code}, sent once, and is over with the fault`, async () => {
      const key = `n:${what}`;
      front.requests.length = 0;
      front.fail(fault);
      const failure = await failureOf(failing().incr(key), [front.token]);
      expect(failure).toMatchObject({ code, retryable, maybeApplied, key, operation: 'incr' });
      front.heal();
      await front.settled();
      expect(front.requests.length).toBe(ran ? 1 : 0);
      expect(await backend.incr(key)).toBe(ran ? 2 : 1);
    });

    it(`that is ${what} is never a miss, a false or another key's value`, async () => {
      await backend.setValue('read', 'v4lue');
      // A read whose connection broke is asked once more.
      front.fail(fault, { times: 2 });
      const one = await failureOf(failing().getValue('read'), [front.token, 'v4lue']);
      expect(one).toMatchObject({ code, retryable, maybeApplied: false });
      front.heal();
      front.fail(fault, { times: 2 });
      expect((await failureOf(failing().exists('read'))).code).toBe(code);
      front.heal();
      front.fail(fault, { times: 2 });
      expect((await failureOf(failing().multiGetValues(['none', 'read']))).code).toBe(code);
      front.heal();
      expect(await backend.multiGetValues(['read', 'none'])).toEqual(['v4lue', undefined]);
    });

    it(`that is ${what} rejects a set without quoting its value, and a batch as maybe applied`, async () => {
      front.fail(fault);
      const set = await failureOf(failing().setValue('set', 's3cretValue'), [front.token, 's3cretValue']);
      expect(set).toMatchObject({ code, maybeApplied });
      front.heal();
      front.fail(fault);
      const pairs = [
        ['a', 's3cretValue'],
        ['b', 1],
      ] as const;
      const batch = await failureOf(failing().multiSetValues(pairs, { ttl: 60 }), [front.token, 's3cretValue']);
      expect(batch).toMatchObject({ code, maybeApplied: true });
    });
  }

  // As the service's documentation words them ("Troubleshooting").
  const refusals: [string, CacheErrorCode, boolean, string][] = [
    ['ERR max daily request limit exceeded. Limit: 10000, Usage: 10001.', 'UNAVAILABLE', true, 'throttling'],
    ['ERR max requests limit exceeded. Limit: 500000, Usage: 500001.', 'UNAVAILABLE', true, 'throttling'],
    ['ERR max concurrent connections exceeded', 'UNAVAILABLE', true, 'throttling'],
    ['ERR max request size exceeded. Limit: 10485760 bytes', 'TOO_LARGE', false, 'larger'],
    ['ERR max single record size exceeded', 'TOO_LARGE', false, 'larger'],
    ['ERR max key size exceeded', 'TOO_LARGE', false, 'larger'],
    ['ERR DB capacity quota exceeded', 'BACKEND', false, 'full'],
    ['WRONGPASS invalid or missing auth token', 'AUTH', false, 'token'],
    ["NOPERM this user has no permissions to run the 'set' command", 'AUTH', false, 'token'],
    ['ERR rate limit exceeded', 'UNAVAILABLE', true, 'throttling'],
    ['ERR syntax error', 'BACKEND', false, 'refused the command'],
    // As stand-ins do, and the versions of Redis on which they run.
    ['Unauthorized', 'AUTH', false, 'token'],
    ['NOAUTH Authentication required.', 'AUTH', false, 'token'],
    [
      "ERR Error running script (call to f_0a): @user_script:2: The user executing the script can't run this command",
      'AUTH',
      false,
      'token',
    ],
    ['LOADING Redis is loading the dataset in memory', 'UNAVAILABLE', true, 'ready'],
    ['BUSY Redis is busy running a script. You can only call SCRIPT KILL', 'UNAVAILABLE', true, 'ready'],
    ['ERR value is not an integer or out of range', 'NOT_A_COUNTER', false, 'not an integer'],
    ["ERR ACL failure in script: User default has no permissions to run the 'set' command", 'AUTH', false, 'token'],
    ['ERR Error running script (call to f_0a): @user_script:2: -OOM command not allowed', 'BACKEND', false, 'full'],
    [
      'ERR Error running script (call to f_0a): @user_script:2: @user_script: 2: -READONLY',
      'BACKEND',
      true,
      'read-only',
    ],
  ];
  it.each(refusals)('that is %s is %s, of a command and of a request', async (error, code, retryable, word) => {
    for (const [status, answer] of [
      [200, [{ error }]],
      [400, { error }],
    ] as const) {
      front.fail({ kind: 'raw', status, body: JSON.stringify(answer) });
      const failure = await failureOf(backend.setValue('k', 1));
      expect(failure).toMatchObject({
        code,
        retryable,
        maybeApplied: false,
        key: 'k',
        cause: { name: 'UpstashError' },
      });
      expect(failure.message).toContain(word);
    }
  });

  it('of a command in a script is reported with the code of that command', async () => {
    for (const [error, code] of [
      ['ERR Error running script (call to f_0a): @user_script:2: -OOM command not allowed', 'OOM'],
      ['OOM command not allowed script: 0a, on @user_script:2.', 'OOM'],
      ["ERR Error running script (call to f_0a): @user_script:2: The user can't run this command", undefined],
    ] as const) {
      front.fail({ kind: 'raw', body: JSON.stringify([{ error }]) });
      const { cause } = await failureOf(backend.incr('n'));
      expect((cause as { readonly code?: unknown }).code).toBe(code);
    }
  });

  it('that is an HTTP status is reported in the words for it', async () => {
    for (const [fault, words] of [
      [{ kind: 'redirect' }, 'the address redirects; it is not a REST endpoint of Upstash'],
      [{ kind: 'raw', status: 404, body: '<html>' }, 'the response is not from Upstash (HTTP 404): check url'],
      [
        { kind: 'raw', status: 404, body: '{"error":"NOT FOUND"}' },
        'the response is not from Upstash (HTTP 404): check url',
      ],
      [{ kind: 'status', status: 401 }, 'the token is wrong or lacks a permission'],
      [{ kind: 'status', status: 403 }, 'the token is wrong or lacks a permission'],
      [{ kind: 'status', status: 408 }, 'the service failed (HTTP 408)'],
      [{ kind: 'status', status: 413 }, 'the request is larger than the service takes'],
      [{ kind: 'status', status: 429 }, 'the service is throttling (HTTP 429)'],
      [{ kind: 'status', status: 500 }, 'the service failed (HTTP 500)'],
    ] as const) {
      front.fail(fault);
      expect((await failureOf(backend.incr('k'))).message).toBe(`[upstash] incr "k": ${words}`);
    }
  });

  it('that is a result too large for one response is read in halves', async () => {
    await backend.multiSetValues([
      ['a', 1],
      ['b', 2],
    ]);
    const error = 'ERR max request size exceeded. Limit: 10485760 bytes';
    for (const read of [
      () => Promise.all([backend.getValue('a'), backend.getValue('b')]),
      () => backend.multiGetValues(['a', 'b']),
    ]) {
      front.fail({ kind: 'raw', body: JSON.stringify([{ error }]) });
      expect(await read()).toEqual([1, 2]);
    }
  });

  it('that is one value too large for a response fails its read alone, which is not sent again', async () => {
    const error = 'ERR max request size exceeded. Limit: 10485760 bytes';
    front.requests.length = 0;
    front.fail({ kind: 'raw', body: JSON.stringify([{ error }, { result: 1 }]) });
    const large = failureOf(backend.getValue('a'));
    expect(await backend.exists('b')).toBe(true);
    expect(await large).toMatchObject({ code: 'TOO_LARGE', key: 'a' });
    expect(front.requests).toEqual([]);
  });

  it('that is a wrong number of values, or a value of another type, rejects BACKEND', async () => {
    for (const result of ['ab', ['a'], ['a', 'b', 'c'], ['a', 5], ['a', {}]]) {
      front.fail({ kind: 'raw', body: JSON.stringify([{ result }]) });
      expect(await failureOf(backend.multiGetValues(['k', 'l']))).toMatchObject({ code: 'BACKEND', key: 'k' });
    }
  });

  it('that is a wrong number of values fails the reads of values in a tick, and none of the others', async () => {
    front.fail({ kind: 'raw', body: '[{"result":["1"]},{"result":1}]' });
    const values = ['a', 'b'].map((key) => failureOf(backend.getValue(key)));
    expect(await backend.exists('c')).toBe(true);
    expect(await Promise.all(values)).toMatchObject([
      { code: 'BACKEND', key: 'a' },
      { code: 'BACKEND', key: 'b' },
    ]);
  });

  it('does not fail a read that has lost only one request', async () => {
    await backend.setValue('k', 1);
    for (const kind of ['drop-request', 'drop-reply', 'cut-body'] as const) {
      front.requests.length = 0;
      front.fail({ kind });
      expect(await backend.getValue('k')).toBe(1);
    }
    const proxy = await RewritingProxy.start({ host: '127.0.0.1', port: front.port });
    proxy.rewrite = () => {
      proxy.heal();
      return 'not HTTP';
    };
    const url = `http://127.0.0.1:${proxy.port}`;
    const garbled = upstashBackend({ url, token: front.token, namespace: 'faults', timeoutMs: 10_000 });
    expect(await garbled.getValue('k')).toBe(1);
    await garbled.close();
    await proxy.stop();
  });

  it('fails every coalesced call, each with its own key', async () => {
    front.fail({ kind: 'status', status: 503 });
    const failures = await Promise.all(['a', 'b', 'c'].map((key) => failureOf(backend.getValue(key))));
    expect(failures.map(({ key, code }) => [key, code])).toEqual([
      ['a', 'UNAVAILABLE'],
      ['b', 'UNAVAILABLE'],
      ['c', 'UNAVAILABLE'],
    ]);
  });

  it('that refuses the reads of a tick, but not for a key, is not asked for each of them', async () => {
    front.fail({ kind: 'raw', body: '[{"error":"ERR rate limit exceeded"}]' });
    const failures = await Promise.all(['a', 'b'].map((key) => failureOf(backend.getValue(key))));
    expect(failures).toMatchObject(['a', 'b'].map((key) => ({ code: 'UNAVAILABLE', key })));
  });

  it('that loses the answer to coalesced increments counts each once', async () => {
    front.requests.length = 0;
    front.fail({ kind: 'drop-reply' });
    const keys = ['one', 'two', 'three'];
    const failures = await Promise.all(keys.map((key) => failureOf(backend.incr(key))));
    expect(failures).toMatchObject(keys.map((key) => ({ code: 'UNAVAILABLE', key, maybeApplied: true })));
    expect(front.requests.length).toBe(1);
    expect(await backend.multiGetValues(keys)).toEqual([1, 1, 1]);
  });

  it('names the key of a batch of one that it fails', async () => {
    front.fail({ kind: 'status', status: 500 }, { times: 3 });
    for (const call of [() => backend.deleteMany(['k']), () => backend.multiGetValues(['k'])])
      expect(await failureOf(call())).toMatchObject({ code: 'UNAVAILABLE', key: 'k' });
    expect(await failureOf(backend.multiSetValues([['k', 1]]))).toMatchObject({ code: 'UNAVAILABLE', key: 'k' });
  });

  it('that is a sum which is no exact integer, or a set that is not OK, rejects BACKEND', async () => {
    for (const [call, results] of [
      [() => backend.incr('k'), [1.5, 2 ** 53, '1']],
      [() => backend.setValue('k', 1), ['QUEUED', 1]],
    ] as const) {
      for (const result of results) {
        front.fail({ kind: 'raw', body: JSON.stringify([{ result }]) });
        expect(await failureOf(call())).toMatchObject({ code: 'BACKEND', key: 'k', maybeApplied: true });
      }
    }
  });

  it('that is an impossible count rejects BACKEND', async () => {
    const calls: [number, () => Promise<unknown>][] = [
      [1, () => backend.delete('k')],
      [1, () => backend.exists('k')],
      [2, () => backend.deleteMany(['k', 'l'])],
    ];
    for (const [most, call] of calls) {
      for (const count of [-1, most + 1]) {
        front.fail({ kind: 'raw', body: JSON.stringify([{ result: count }]) });
        expect(await failureOf(call())).toMatchObject({ code: 'BACKEND', key: 'k' });
      }
    }
  });

  it('that is a refused command fails that command alone among the coalesced ones', async () => {
    await backend.setValue('text', 'x');
    const [text, number] = await Promise.allSettled([backend.incr('text'), backend.incr('fine')]);
    expect(text).toMatchObject({ status: 'rejected', reason: { code: 'NOT_A_COUNTER', maybeApplied: false } });
    expect(number).toEqual({ status: 'fulfilled', value: 1 });
  });

  it('leaves nothing on the console, no rejection unhandled, and closes during the fault', async () => {
    const words = (['log', 'warn', 'error', 'info'] as const).map((method) => vi.spyOn(console, method));
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    const closing = upstashBackend({ url: front.url, token: front.token, timeoutMs: 10_000 });
    front.fail({ kind: 'hang' }, { times: 2 });
    const set = failureOf(closing.setValue('k', 1));
    const get = failureOf(closing.getValue('k'));
    await sleep(50);
    // By a timer of the same event loop, which stands still for both on a busy machine.
    expect(await Promise.race([closing.close(), sleep(1500, 'late')])).toBeUndefined();
    expect(await set).toMatchObject({ code: 'CLOSED', maybeApplied: true });
    expect(await get).toMatchObject({ code: 'CLOSED', maybeApplied: false });
    await sleep(20);
    process.off('unhandledRejection', onUnhandled);
    expect(unhandled).toEqual([]);
    for (const word of words) expect(word).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });
});

describe('an address', () => {
  it('that does not answer is UNAVAILABLE, and a write certainly was not applied', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const dead = upstashBackend({ url, token: 'tok3n', timeoutMs: TIMEOUT_MS });
    expect(await failureOf(dead.setValue('k', 1), ['tok3n'])).toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
      maybeApplied: false,
    });
    const pairs = [
      ['a', 1],
      ['b', 2],
    ] as const;
    for (const batch of [
      dead.multiSetValues(pairs),
      dead.multiSetValues(pairs, { ttl: 1 }),
      dead.deleteMany(['a', 'b']),
    ])
      expect(await failureOf(batch)).toMatchObject({ code: 'UNAVAILABLE', key: 'a', maybeApplied: false });
    expect((await failureOf(dead.getValue('k'))).message).toBe(
      '[upstash] getValue "k": cannot be reached (ECONNREFUSED)',
    );
  });

  it('whose name is unknown is UNAVAILABLE', async () => {
    const unknown = upstashBackend({ url: 'http://no-such-host.invalid', token: 'tok3n', timeoutMs: 5000 });
    const failure = await failureOf(unknown.incr('k'), ['tok3n']);
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: false });
  });

  it('that does not speak TLS where the url is https is UNAVAILABLE, and reported as such', async () => {
    const secure = upstashBackend({ url: front.url.replace('http:', 'https:'), token: 'tok3n', timeoutMs: 2000 });
    const failure = await failureOf(secure.getValue('k'), ['tok3n']);
    expect(failure.code).toBe('UNAVAILABLE');
    expect(failure.message).toContain('may not speak TLS');
  });

  it('whose certificate is not trusted is UNAVAILABLE, and a write certainly was not applied', async () => {
    for (const [expired, code] of [
      [false, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
      [true, 'CERT_HAS_EXPIRED'],
    ] as const) {
      const { ca, keyFile } = await certificate({ expired });
      const requests: unknown[] = [];
      const key = await readFile(keyFile);
      const server = createServer({ cert: ca, key }, (request) => void requests.push(request));
      const url = `https://127.0.0.1:${await listen(server)}`;
      const untrusting = upstashBackend({ url, token: 'tok3n', timeoutMs: 10_000 });
      for (const write of [untrusting.incr('k'), untrusting.deleteMany(['k', 'l'])]) {
        const failure = await failureOf(write, ['tok3n']);
        expect(failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: false, cause: { code } });
        expect(failure.message).toContain(`cannot be reached (${code})`);
      }
      await untrusting.close();
      server.close();
      expect(requests).toEqual([]);
    }
  });

  it('whose response is not from Upstash is BACKEND, and the message points to the url', async () => {
    const faults = [
      [{ kind: 'html' }, 'the response is not from Upstash (HTTP 200): check url'],
      [{ kind: 'status', status: 404 }, 'the response is not from Upstash (HTTP 404): check url'],
      [
        { kind: 'raw', status: 400, body: '{"error":"Bad Request"}' },
        'the response is not from Upstash (HTTP 400): check url',
      ],
      [
        { kind: 'raw', status: 400, body: '{"error":"A bad request"}' },
        'the response is not from Upstash (HTTP 400): check url',
      ],
      [{ kind: 'raw', body: '[null]' }, 'the response is not from Upstash (HTTP 200): check url'],
      [{ kind: 'raw', body: '[{"result":[null]},{}]' }, 'the response is not from Upstash (HTTP 200): check url'],
    ] as const;
    for (const [fault, reason] of faults) {
      front.fail(fault);
      const failure = await failureOf(backend.getValue('k'), [front.token]);
      expect([failure.code, failure.retryable, failure.message]).toEqual([
        'BACKEND',
        false,
        `[upstash] getValue "k": ${reason}`,
      ]);
    }
    const proxy = await RewritingProxy.start({ host: '127.0.0.1', port: front.port });
    proxy.rewrite = () => 'SSH-2.0-OpenSSH_9.2\r\n';
    const stranger = upstashBackend({ url: `http://127.0.0.1:${proxy.port}`, token: 'tok3n', timeoutMs: 10_000 });
    const failure = await failureOf(stranger.incr('k'), ['tok3n']);
    expect(failure).toMatchObject({ code: 'BACKEND', maybeApplied: true, cause: { name: 'TypeError' } });
    expect(failure.message).toBe('[upstash] incr "k": the response is not HTTP: check url');
    await stranger.close();
    await proxy.stop();
  });

  it('that refuses the token is AUTH', async () => {
    const wrong = upstashBackend({ url: front.url, token: 'wr0ng', timeoutMs: 2000 });
    const failure = await failureOf(wrong.setValue('k', 1), ['wr0ng', front.token]);
    expect(failure).toMatchObject({ code: 'AUTH', retryable: false, maybeApplied: false });
    expect(failure.cause).toMatchObject({ name: 'HttpError', code: '401', message: 'WRONGPASS' });
  });
});

describe('a value that is too large', () => {
  it('is refused before it is sent, or by the service if only its escapes make it too large', async () => {
    const patient = upstashBackend({ url: front.url, token: front.token, namespace: 'large', timeoutMs: 10_000 });
    await patient.setValue('k', 'old');
    front.requests.length = 0;
    const large = await failureOf(patient.setValue('k', 'x'.repeat(4_500_000)));
    expect(large).toMatchObject({ code: 'TOO_LARGE', maybeApplied: false, key: 'k' });
    const batch = patient.multiSetValues([
      ['a', 1],
      ['b', 'x'.repeat(4_500_000)],
    ]);
    expect(await failureOf(batch)).toMatchObject({ code: 'TOO_LARGE', maybeApplied: false, key: 'b' });
    expect(front.requests.length).toBe(0);
    const configured = upstashBackend({
      url: front.url,
      token: front.token,
      namespace: 'large',
      timeoutMs: 10_000,
      maxValueBytes: 100_000_000,
    });
    expect((await failureOf(configured.setValue('k', 'x'.repeat(11_000_000)))).code).toBe('TOO_LARGE');
    expect(await patient.getValue('k')).toBe('old');
    const fits = 'x'.repeat(4_500_000 - '{"json":""}'.length);
    await patient.setValue('k', fits);
    expect(await patient.getValue('k')).toBe(fits);
  });
});
