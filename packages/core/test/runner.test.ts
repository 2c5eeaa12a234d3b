import { type CacheBackend, type Call, createBackend, DriverError } from '@ninefold/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { failureOf } from './support/failure.ts';
import { type Asked, ManualDriver } from './support/manual-driver.ts';
import { MapDriver } from './support/map-driver.ts';

let driver: ManualDriver;
let backend: CacheBackend;

beforeEach(() => {
  vi.useFakeTimers();
  driver = new ManualDriver();
  backend = createBackend(driver, { timeoutMs: 1000 });
});

afterEach(() => {
  vi.useRealTimers();
});

const lost = new DriverError('UNAVAILABLE', 'connection lost', { connectionLost: true });

/** The nth call that reached the driver. */
function asked(index: number): Asked {
  const found = driver.asked[index];
  if (found === undefined) throw new Error(`the driver was asked ${driver.asked.length} times`);
  return found;
}

describe('a deadline', () => {
  it('rejects a call after timeoutMs and one turn, and aborts its signal', async () => {
    const failure = failureOf(backend.getValue('k'));
    const { call } = asked(0);
    expect(call.deadline - performance.now()).toBe(1000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(call.ended).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(call.ended).toBe(true);
    expect(call.signal.aborted).toBe(true);
    expect(await failure).toMatchObject({ code: 'TIMEOUT', retryable: true, maybeApplied: false, key: 'k' });
  });

  it('aborts a signal that was read before', async () => {
    const failure = failureOf(backend.getValue('k'));
    const { signal } = asked(0).call;
    expect(signal.aborted).toBe(false);
    expect(asked(0).call.signal).toBe(signal);
    await vi.advanceTimersByTimeAsync(1001);
    expect(signal.aborted).toBe(true);
    expect((await failure).message).toBe('[map] getValue "k": no reply within 1000 ms');
  });

  it('reports that a write may have been applied, unless the driver has not sent it', async () => {
    const sent = failureOf(backend.setValue('k', 1));
    driver.holdsBack = true;
    const held = failureOf(backend.setValue('k', 2));
    const released = failureOf(backend.incr('k'));
    asked(2).call.sent = true;
    await vi.advanceTimersByTimeAsync(1001);
    expect([await sent, await held, await released].map((error) => error.maybeApplied)).toEqual([true, false, true]);
  });

  it('does not affect a call that was answered in time, or concurrent ones', async () => {
    const slow = failureOf(backend.getValue('slow'));
    await vi.advanceTimersByTimeAsync(500);
    const quick = backend.getValue('quick');
    const { signal } = asked(1).call;
    asked(1).resolve('{"json":"fine"}');
    expect(await quick).toBe('fine');
    expect(signal.aborted).toBe(false);
    const other = backend.getValue('other');
    await vi.advanceTimersByTimeAsync(501);
    expect((await slow).code).toBe('TIMEOUT');
    asked(2).resolve(1);
    expect(await other).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ignores a result that arrives after it', async () => {
    const failure = failureOf(backend.getValue('k'));
    await vi.advanceTimersByTimeAsync(1001);
    asked(0).resolve(1);
    expect((await failure).code).toBe('TIMEOUT');
    const second = failureOf(backend.getValue('k'));
    await vi.advanceTimersByTimeAsync(1001);
    asked(1).reject(lost);
    expect((await second).code).toBe('TIMEOUT');
    await vi.advanceTimersByTimeAsync(0);
    expect(driver.asked.length).toBe(2);
  });

  it('lets a reply win that arrived while the event loop stalled', async () => {
    vi.useRealTimers();
    const cache = createBackend(driver, { timeoutMs: 20 });
    const value = cache.getValue('k');
    setImmediate(() => asked(0).resolve(1));
    const end = performance.now() + 60;
    while (performance.now() < end);
    expect(await value).toBe(1);
  });

  it('does not exist without timeoutMs, and needs no timer for a synchronous driver', async () => {
    void createBackend(driver).getValue('k');
    expect(asked(0).call.deadline).toBe(Number.POSITIVE_INFINITY);
    await createBackend(new MapDriver(), { timeoutMs: 1000 }).setValue('k', 1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a call of a synchronous driver', () => {
  it('has ended once the driver has returned or thrown', async () => {
    const calls: Call[] = [];
    const quick = createBackend(
      Object.assign(new MapDriver(), {
        get(_key: string, call: Call) {
          calls.push(call);
          if (calls.length === 2) throw new DriverError('UNAVAILABLE', 'no connection');
          return 1;
        },
      }),
    );
    expect(await quick.getValue('k')).toBe(1);
    expect((await failureOf(quick.getValue('k'))).code).toBe('UNAVAILABLE');
    expect(calls.map(({ ended }) => ended)).toEqual([true, true]);
  });
});

describe('a lost connection', () => {
  it('makes a read retry exactly once', async () => {
    const value = backend.getValue('k');
    asked(0).reject(lost);
    await vi.advanceTimersByTimeAsync(0);
    asked(1).resolve(7);
    expect(await value).toBe(7);
    expect(vi.getTimerCount()).toBe(0);

    const failure = failureOf(backend.getValue('k'));
    asked(2).reject(lost);
    await vi.advanceTimersByTimeAsync(0);
    asked(3).reject(lost);
    expect(await failure).toMatchObject({ code: 'UNAVAILABLE', retryable: true, maybeApplied: false });
    expect(driver.asked.length).toBe(4);
  });

  it('keeps the deadline of the first attempt', async () => {
    const failure = failureOf(backend.getValue('k'));
    await vi.advanceTimersByTimeAsync(900);
    asked(0).reject(lost);
    await vi.advanceTimersByTimeAsync(101);
    expect((await failure).code).toBe('TIMEOUT');
    expect(driver.asked.length).toBe(2);
    expect(asked(1).call.deadline).toBe(asked(0).call.deadline);
    expect(asked(1).call.ended).toBe(true);
  });

  it('never makes a write retry', async () => {
    const calls = [backend.setValue('k', 1), backend.incr('k'), backend.multiSetValues([['k', 1]])];
    const failures = calls.map(failureOf);
    for (const { reject } of [...driver.asked]) reject(lost);
    for (const failure of failures) expect(await failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: true });
    expect(driver.asked.length).toBe(3);
  });

  it('makes each operation that reads retry, and none that writes', async () => {
    const methods: string[] = [];
    const failing = (method: string) => () => {
      methods.push(method);
      return Promise.reject(lost);
    };
    const broken = new MapDriver();
    for (const method of ['get', 'getMany', 'exists', 'setMany', 'deleteMany', 'incr'] as const) {
      Object.assign(broken, { [method]: failing(method) });
    }
    const cache = createBackend(broken);
    for (const read of [() => cache.getValue('k'), () => cache.multiGetValues(['k']), () => cache.exists('k')]) {
      expect(await failureOf(read())).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: false });
    }
    expect(methods.splice(0)).toEqual(['get', 'get', 'getMany', 'getMany', 'exists', 'exists']);
    for (const write of [
      () => cache.setValue('k', 1),
      () => cache.multiSetValues([['k', 1]]),
      () => cache.delete('k'),
      () => cache.deleteMany(['k']),
      () => cache.incr('k'),
    ]) {
      expect(await failureOf(write())).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: true });
    }
    expect(methods).toEqual(['setMany', 'setMany', 'deleteMany', 'deleteMany', 'incr']);
  });

  it('is not assumed after a timeout or a refusal', async () => {
    for (const [index, code] of (['TIMEOUT', 'UNAVAILABLE', 'BACKEND'] as const).entries()) {
      const failure = failureOf(backend.getValue('k'));
      asked(index).reject(new DriverError(code, 'no'));
      expect((await failure).code).toBe(code);
    }
    expect(driver.asked.length).toBe(3);
  });

  it('may be followed by a retry that the driver answers in the same tick', async () => {
    const value = backend.getValue('k');
    driver.get = () => 7 as never;
    asked(0).reject(lost);
    expect(await value).toBe(7);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends the call if the driver throws at the retry', async () => {
    const failure = failureOf(backend.getValue('k'));
    driver.get = () => {
      throw new DriverError('AUTH', 'wrong password');
    };
    asked(0).reject(lost);
    expect((await failure).code).toBe('AUTH');
    expect(vi.getTimerCount()).toBe(0);
  });
});
