import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startRedis } from '../servers/redis.ts';
import { until } from '../servers/until.ts';
import { staysQuiet } from '../testing/stays-quiet.ts';
import { UpstashFront } from '../upstash-front/front.ts';

// The tests expect what the public documentation of the service says: https://upstash.com/docs/redis/features/restapi
// (commands, arrays, pipeline, transactions, base64, errors and status codes) and …/troubleshooting for the limits.

let front: UpstashFront;
let stop: () => Promise<void>;

beforeAll(async () => {
  const redis = await startRedis();
  front = await UpstashFront.start({ redis, token: 'tok3n' });
  stop = async () => {
    await front.stop();
    await redis.stop();
  };
});

afterAll(() => stop());
afterEach(() => front.heal());

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly syncToken: string | null;
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(front.url + path, {
    method: 'POST',
    headers: { authorization: 'Bearer tok3n', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    redirect: 'manual',
  });
  return {
    status: response.status,
    text: await response.text(),
    syncToken: response.headers.get('upstash-sync-token'),
  };
}

describe('the REST front', () => {
  staysQuiet();

  it('runs one command given as an array', async () => {
    expect(await post('/', ['SET', 'k', 'v'])).toMatchObject({ status: 200, text: '{"result":"OK"}' });
    expect(await post('/', ['get', 'k'])).toMatchObject({ status: 200, text: '{"result":"v"}' });
    expect((await post('/', ['get', 'none'])).text).toBe('{"result":null}');
    expect((await post('/', ['mget', 'k', 'none'])).text).toBe('{"result":["v",null]}');
    expect((await post('/', ['set', 'n', 5])).text).toBe('{"result":"OK"}');
    expect((await post('/', ['set', 'b', true])).text).toBe('{"result":"OK"}');
    expect((await post('/', ['mget', 'n', 'b'])).text).toBe('{"result":["5","true"]}');
  });

  it('runs one command given as a path, the body its last argument', async () => {
    expect((await post('/set/path%20key', 'a value')).text).toBe('{"result":"OK"}');
    expect((await post('/get/path%20key', '')).text).toBe('{"result":"a value"}');
    expect((await post('/set/path%20key?PX=60000&_token=tok3n', 'short')).text).toBe('{"result":"OK"}');
    expect((await post('/pttl/path%20key', '')).text).toMatch(/^\{"result":(60000|5\d{4})\}$/);
  });

  it('answers integers exactly, up to 64 bits', async () => {
    expect((await post('/', ['set', 'big', '9223372036854775806'])).status).toBe(200);
    expect((await post('/', ['incr', 'big'])).text).toBe('{"result":9223372036854775807}');
    expect((await post('/', ['incrby', 'neg', '-9007199254740993'])).text).toBe('{"result":-9007199254740993}');
  });

  it('encodes strings in base64 on request, but not OK, numbers, nulls and errors', async () => {
    const base64 = { 'upstash-encoding': 'base64' };
    expect((await post('/', ['set', 'e', 'é'], base64)).text).toBe('{"result":"OK"}');
    expect((await post('/', ['get', 'e'], base64)).text).toBe('{"result":"w6k="}');
    expect((await post('/', ['mget', 'e', 'none'], base64)).text).toBe('{"result":["w6k=",null]}');
    expect((await post('/', ['strlen', 'e'], base64)).text).toBe('{"result":2}');
    expect((await post('/', ['ping'], base64)).text).toBe('{"result":"UE9ORw=="}');
    expect((await post('/', ['incr', 'e'], base64)).text).toMatch(/^\{"error":"ERR /);
  });

  it('replaces bytes that are not UTF-8 by U+FFFD, unless base64 is requested', async () => {
    const script = "redis.call('SET', KEYS[1], string.char(255))";
    await post('/', ['eval', script, '1', 'bytes']);
    expect((await post('/', ['get', 'bytes'])).text).toBe('{"result":"\ufffd"}');
    expect((await post('/', ['get', 'bytes'], { 'upstash-encoding': 'base64' })).text).toBe('{"result":"/w=="}');
  });

  it('answers a failed command 400, alone, and 200 with its error, in a pipeline', async () => {
    await post('/', ['set', 'text', 'x']);
    const error = '{"error":"ERR value is not an int or out of range"}';
    expect(await post('/', ['incr', 'text'])).toMatchObject({ status: 400, text: error });
    const pipeline = await post('/pipeline', [
      ['incr', 'text'],
      ['get', 'text'],
    ]);
    expect(pipeline).toMatchObject({ status: 200, text: `[${error},{"result":"x"}]` });
  });

  it('runs a transaction whole or not at all', async () => {
    const both = await post('/multi-exec', [
      ['set', 't', '1'],
      ['incr', 't'],
    ]);
    expect(both).toMatchObject({ status: 200, text: '[{"result":"OK"},{"result":2}]' });
    const discarded = await post('/multi-exec', [['set', 't', '9'], ['no-such-command']]);
    expect(discarded.status).toBe(400);
    expect(discarded.text).toMatch(/^\{"error":"EXECABORT/);
    expect((await post('/', ['get', 't'])).text).toBe('{"result":"2"}');
  });

  it('refuses a wrong token with 401, another method with 405, and a malformed command with 400', async () => {
    const wrong = await post('/', ['get', 'k'], { authorization: 'Bearer wrong' });
    expect(wrong).toMatchObject({ status: 401, text: '{"error":"WRONGPASS invalid or missing auth token"}' });
    expect((await fetch(`${front.url}/get/k?_token=tok3n`)).status).toBe(200);
    expect((await fetch(`${front.url}/get/k?_token=tok3n`, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${front.url}/set/put?_token=tok3n`, { method: 'PUT', body: 'x' })).status).toBe(200);
    const patch = await fetch(front.url, { method: 'PATCH', headers: { authorization: 'Bearer tok3n' } });
    expect(patch.status).toBe(405);
    for (const body of ['', '{}', '[]', '[null]', '[["get"]]', '[', '"get"']) {
      expect((await post('/', body)).status).toBe(400);
    }
    expect((await post('/pipeline', [])).status).toBe(400);
  });

  it('refuses commands that need a connection, and requests over 10 MB', async () => {
    for (const command of ['SUBSCRIBE', 'BLPOP', 'select', 'MULTI', 'AUTH', 'CLIENT']) {
      expect(await post('/', [command, 'x'])).toMatchObject({ status: 400 });
    }
    const large = await post('/', ['set', 'large', 'x'.repeat(10 * 1024 * 1024)]);
    expect(large.status).toBe(400);
    expect(large.text).toContain('max request size exceeded');
  });

  it('advances the sync token on writes', async () => {
    const first = await post('/', ['set', 'k', '1']);
    const read = await post('/', ['get', 'k']);
    const second = await post('/pipeline', [['incr', 'k']]);
    expect(read.syncToken).toBe(first.syncToken);
    expect(second.syncToken).not.toBe(first.syncToken);
  });

  it('logs each request with the commands that are billed', async () => {
    front.requests.length = 0;
    await post('/pipeline', [
      ['get', 'k'],
      ['mget', 'k', 'l'],
    ]);
    expect(front.requests).toEqual([{ path: '/pipeline', commands: ['GET', 'MGET'] }]);
  });

  it('serves the next request after a client disconnects within a body', async () => {
    const socket = connect(front.port, '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nhost: front\r\ncontent-length: 100\r\n\r\n["set",');
    await once(socket, 'connect');
    await sleep(50);
    socket.resetAndDestroy();
    await front.settled();
    expect((await post('/', ['ping'])).status).toBe(200);
  });

  it('injects each fault as often as requested', async () => {
    front.fail({ kind: 'status', status: 503 }, { times: 2 });
    expect((await post('/', ['incr', 'f'])).status).toBe(503);
    expect((await post('/', ['incr', 'f'])).status).toBe(503);
    front.fail({ kind: 'drop-request' });
    await expect(post('/', ['incr', 'f'])).rejects.toThrow();
    front.fail({ kind: 'drop-reply' });
    await expect(post('/', ['incr', 'f'])).rejects.toThrow();
    front.fail({ kind: 'cut-body' });
    await expect(post('/', ['incr', 'f'])).rejects.toThrow();
    front.fail({ kind: 'redirect' });
    expect((await post('/', ['incr', 'f'])).status).toBe(307);
    // Only two of the six increments above were run: those whose replies broke off.
    expect((await post('/', ['incr', 'f'])).text).toBe('{"result":3}');
  });

  it('may be stopped while requests wait for Redis or for their delay', async () => {
    const redis = await startRedis();
    const stopped = await UpstashFront.start({ redis, token: 'tok3n' });
    const send = (): Promise<unknown> =>
      fetch(`${stopped.url}/ping?_token=tok3n`).then(
        () => 'answered',
        () => 'lost',
      );
    await redis.pause();
    stopped.fail({ kind: 'delay', delayMs: 600_000 });
    const delayed = send();
    const asking = send();
    await until('one asks Redis', async () => stopped.requests.length === 1);
    await stopped.stop();
    expect(await Promise.all([delayed, asking])).toEqual(['lost', 'lost']);
    await redis.stop();
  });
});
