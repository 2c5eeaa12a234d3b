import type { UpstashFront } from '@ninefold/tooling/upstash-front';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { upstashBackend } from '../src/upstash.ts';
import { startFront } from './support/service.ts';

let front: UpstashFront;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ front, stop } = await startFront());
});

afterAll(() => stop());

/** A request that waits twice: until it may be sent, and until its response may be delivered. */
class Request {
  readonly sent: string | null;
  answered: string | null = null;
  send: () => void = () => undefined;
  answer: () => void = () => undefined;
  readonly mayBeSent = new Promise<void>((resolve) => {
    this.send = resolve;
  });
  readonly mayBeAnswered = new Promise<void>((resolve) => {
    this.answer = resolve;
  });

  constructor(init: RequestInit | undefined) {
    this.sent = new Headers(init?.headers).get('upstash-sync-token');
  }
}

it.each([
  ['newer of two writes, which was answered first', 'setValue', ['send 0', 'send 1', 'answer 1', 'answer 0'], 1],
  ['write that a read was sent and answered before', 'getValue', ['send 1', 'answer 1', 'send 0', 'answer 0'], 0],
  ['write that a read was sent before and answered after', 'getValue', ['send 1', 'send 0', 'answer 0', 'answer 1'], 0],
  ['write that a read of another kind was answered after', 'exists', ['send 1', 'send 0', 'answer 0', 'answer 1'], 0],
  ['write that was answered last', 'getValue', ['send 1', 'send 0', 'answer 1', 'answer 0'], 0],
] as const)('a request brings the sync token of the %s', async (_, second, steps, newest) => {
  const requests: Request[] = [];
  const gated: typeof fetch = async (url, init) => {
    const request = new Request(init);
    requests.push(request);
    await request.mayBeSent;
    const response = await fetch(url, init);
    request.answered = response.headers.get('upstash-sync-token');
    await request.mayBeAnswered;
    return response;
  };
  const backend = upstashBackend({ url: front.url, token: front.token, fetch: gated, timeoutMs: 20_000 });
  const calls: Promise<unknown>[] = [backend.setValue('a', 1)];
  await expect.poll(() => requests.length).toBe(1);
  calls.push(backend[second]('a', {}));
  await expect.poll(() => requests.length).toBe(2);
  for (const step of steps) {
    const [what, which] = step.split(' ') as ['send' | 'answer', '0' | '1'];
    const request = requests[Number(which)] as Request;
    request[what]();
    if (what === 'send') await expect.poll(() => request.answered).not.toBeNull();
    else await calls[Number(which)];
  }
  const last = backend.getValue('a');
  await expect.poll(() => requests.length).toBe(3);
  const [one, other, third] = requests as [Request, Request, Request];
  third.send();
  third.answer();
  await last;
  expect(one.answered).not.toBe(other.answered);
  expect(third.sent).toBe(requests[newest]?.answered);
  await backend.close();
});

it('a request brings the sync token of the last read, which may have seen writes of others, also after a response without one', async () => {
  const sent: (string | null)[] = [];
  const received: (string | null)[] = [];
  const watching: typeof fetch = async (url, init) => {
    sent.push(new Headers(init?.headers).get('upstash-sync-token'));
    const response = await fetch(url, init);
    received.push(response.headers.get('upstash-sync-token'));
    return response;
  };
  const service = { url: front.url, token: front.token, timeoutMs: 20_000 };
  const backend = upstashBackend({ ...service, fetch: watching });
  const other = upstashBackend(service);
  await backend.setValue('a', 1);
  await other.setValue('a', 2);
  expect(await backend.getValue('a')).toBe(2);
  front.fail({ kind: 'raw', body: '[{"result":["2"]}]' });
  for (let read = 0; read < 2; read++) expect(await backend.getValue('a')).toBe(2);
  const [ofWrite, ofRead, none] = received;
  expect([ofRead === ofWrite, none]).toEqual([false, null]);
  expect(sent).toEqual(['', ofWrite, ofRead, ofRead]);
  await Promise.all([backend.close(), other.close()]);
});
