import { type CacheBackend, createBackend, DriverError, scoped } from '@ninefold/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { failureOf } from './support/failure.ts';
import { ManualDriver } from './support/manual-driver.ts';

let driver: ManualDriver;
let backend: CacheBackend;

beforeEach(() => {
  vi.useFakeTimers();
  driver = new ManualDriver();
  backend = createBackend(driver, { timeoutMs: 5000 });
});

afterEach(() => {
  vi.useRealTimers();
});

const operations: [string, (cache: CacheBackend) => Promise<unknown>][] = [
  ['getValue', (cache) => cache.getValue('k')],
  ['setValue', (cache) => cache.setValue('k', 1)],
  ['multiGetValues', (cache) => cache.multiGetValues([])],
  ['multiSetValues', (cache) => cache.multiSetValues([])],
  ['exists', (cache) => cache.exists('k')],
  ['delete', (cache) => cache.delete('k')],
  ['deleteMany', (cache) => cache.deleteMany([])],
  ['incr', (cache) => cache.incr('k')],
];

describe('close', () => {
  it('closes the driver once, however often and from wherever it is called', async () => {
    await Promise.all([backend.close(), backend.close(), backend[Symbol.asyncDispose]()]);
    await backend.close();
    expect(driver.closed).toBe(1);
  });

  for (const [operation, call] of operations) {
    it(`makes ${operation} reject CLOSED from the same tick on, bad input and empty batches included`, async () => {
      const closing = backend.close();
      expect(await failureOf(call(backend))).toMatchObject({ code: 'CLOSED', operation, maybeApplied: false });
      await closing;
      expect((await failureOf(call(backend))).code).toBe('CLOSED');
      expect((await failureOf(backend.getValue(''))).code).toBe('CLOSED');
      expect(driver.asked).toEqual([]);
    });
  }

  it('may be called again by what closes with the driver, which is still closed once', async () => {
    let closed = 0;
    let again: Promise<void> | undefined;
    driver.close = () => {
      closed += 1;
      if (closed < 3) again = backend.close();
    };
    await backend.close();
    await again;
    expect(closed).toBe(1);
  });

  it('waits for calls in flight, then closes the driver', async () => {
    const value = backend.getValue('k');
    const closing = backend.close();
    await vi.advanceTimersByTimeAsync(500);
    expect(driver.closed).toBe(0);
    driver.asked[0]?.resolve(7);
    expect(await value).toBe(7);
    await closing;
    expect(driver.closed).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('rejects after 1 s the calls still in flight, and reports which writes may have been applied', async () => {
    const read = failureOf(backend.getValue('k'));
    const sent = failureOf(backend.setValue('k', 1));
    driver.holdsBack = true;
    const held = failureOf(backend.setValue('k', 1));
    const closing = backend.close();
    await vi.advanceTimersByTimeAsync(999);
    expect(driver.closed).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    await closing;
    const failures = [await read, await sent, await held];
    expect(failures.map(({ code }) => code)).toEqual(['CLOSED', 'CLOSED', 'CLOSED']);
    expect(failures[0]?.message).toBe('[map] getValue "k": the backend was closed before the reply came');
    expect(failures.map(({ maybeApplied }) => maybeApplied)).toEqual([false, true, false]);
    expect(driver.asked.every(({ call }) => call.ended && call.signal.aborted)).toBe(true);
    expect(driver.closed).toBe(1);
  });

  it('rejects the calls in flight of a backend without deadlines too', async () => {
    const patient = createBackend(driver);
    const read = failureOf(patient.getValue('k'));
    const closing = patient.close();
    await vi.advanceTimersByTimeAsync(999);
    expect(driver.closed).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    await closing;
    expect(driver.asked[0]?.call.ended).toBe(true);
    expect((await read).code).toBe('CLOSED');
  });

  it('waits for all calls in flight, in whatever order they end, and rejects only those that do not', async () => {
    const values = Promise.allSettled(Array.from({ length: 6 }, () => backend.getValue('k')));
    const closing = backend.close();
    for (const index of [1, 5, 0, 3]) driver.asked[index]?.resolve(index);
    await vi.advanceTimersByTimeAsync(999);
    expect(driver.closed).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    await closing;
    const outcomes = await values;
    expect(outcomes.map((outcome) => ('value' in outcome ? outcome.value : outcome.reason.code))).toEqual([
      0,
      1,
      'CLOSED',
      3,
      'CLOSED',
      5,
    ]);
  });

  it('rejects calls that began and ended in any order before it', async () => {
    const calls = [backend.getValue('k'), backend.getValue('k'), backend.getValue('k')];
    driver.asked[0]?.resolve(0);
    await calls[0];
    calls.push(backend.getValue('k'));
    driver.asked[2]?.resolve(2);
    await calls[2];
    const outcomes = Promise.allSettled(calls);
    const closing = backend.close();
    await vi.advanceTimersByTimeAsync(1000);
    await closing;
    expect(driver.asked.map(({ call }) => call.ended)).toEqual([true, true, true, true]);
    expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
  });

  it('does not retry a read whose connection was lost meanwhile', async () => {
    const read = failureOf(backend.getValue('k'));
    const closing = backend.close();
    driver.asked[0]?.reject(new DriverError('UNAVAILABLE', 'connection lost', { connectionLost: true }));
    expect((await read).code).toBe('UNAVAILABLE');
    await closing;
    expect(driver.asked.length).toBe(1);
  });

  it('waits for the close of the driver, but not for one that never ends', async () => {
    driver.close = () => new Promise<void>(() => undefined) as never;
    let closed = false;
    const closing = backend.close().then(() => {
      closed = true;
    });
    await vi.advanceTimersByTimeAsync(349);
    expect(closed).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await closing;
  });

  for (const [how, close] of [
    [
      'throws',
      () => {
        throw new DriverError('BACKEND', 'the socket does not close');
      },
    ],
    ['rejects', () => Promise.reject(new DriverError('BACKEND', 'the socket does not close'))],
  ] as const) {
    it(`rejects with the error that the close of the driver ${how}`, async () => {
      driver.close = close as () => never;
      const failure = await failureOf(backend.close());
      expect(failure).toMatchObject({ code: 'BACKEND', operation: 'close', maybeApplied: false });
      expect((await failureOf(backend.getValue('k'))).code).toBe('CLOSED');
    });
  }
});

describe('the close of a scoped backend', () => {
  it('closes only itself, after its calls in flight', async () => {
    const tenant = scoped(backend, 'tenant');
    const mine = tenant.getValue('k');
    const others = backend.getValue('k');
    await scoped(backend, 'idle').close();
    const closing = tenant.close();
    driver.asked[0]?.resolve(1);
    expect(await mine).toBe(1);
    await closing;
    expect((await failureOf(tenant.getValue('k'))).code).toBe('CLOSED');
    driver.asked[1]?.resolve(2);
    expect(await others).toBe(2);
    expect(driver.closed).toBe(0);
  });

  it('rejects its own calls in flight, and so does the close of its parent', async () => {
    const tenant = scoped(backend, 'tenant');
    const others = failureOf(backend.getValue('k'));
    const mine = failureOf(tenant.getValue('k'));
    const inner = failureOf(scoped(scoped(tenant, 'inner'), 'innermost').getValue('k'));
    const closing = tenant.close();
    await vi.advanceTimersByTimeAsync(1000);
    await closing;
    expect([(await mine).code, (await inner).code]).toEqual(['CLOSED', 'CLOSED']);
    expect(driver.asked.map(({ call }) => call.ended)).toEqual([false, true, true]);
    const late = failureOf(scoped(backend, 'late').getValue('k'));
    const all = backend.close();
    await vi.advanceTimersByTimeAsync(1000);
    await all;
    expect([(await others).code, (await late).code]).toEqual(['CLOSED', 'CLOSED']);
  });

  it('is not needed when its parent is closed, which waits for the calls of both', async () => {
    const tenant = scoped(scoped(backend, 'a'), 'b');
    const value = tenant.getValue('k');
    const closing = backend.close();
    expect((await failureOf(tenant.getValue('k'))).code).toBe('CLOSED');
    await vi.advanceTimersByTimeAsync(500);
    expect(driver.closed).toBe(0);
    driver.asked[0]?.resolve(3);
    expect(await value).toBe(3);
    await closing;
    expect(driver.closed).toBe(1);
  });
});
