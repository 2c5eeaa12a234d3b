import { type CacheEvent, createBackend, DriverError, observed } from '@ninefold/core';
import { describe, expect, it, vi } from 'vitest';
import { failureOf } from '../support/failure.ts';
import { MapDriver } from '../support/map-driver.ts';
import { uncaughtException } from '../support/uncaught-exception.ts';

function make() {
  const driver = new MapDriver();
  const events: CacheEvent[] = [];
  const backend = observed(createBackend(driver), (event) => events.push(event));
  return { driver, events, backend };
}

describe('observed', () => {
  it('refuses a listener that is not a function', () => {
    const make = (): unknown => observed(createBackend(new MapDriver()), {} as never);
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS', operation: 'create', backend: 'map' }));
  });

  it('rejects and never throws, even if a method is called without its backend or with a revoked proxy', async () => {
    const { backend } = make();
    const { getValue } = backend;
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    for (const call of [() => getValue('a'), () => backend.deleteMany(proxy), () => backend.multiGetValues(proxy)]) {
      let pending: Promise<unknown> | undefined;
      expect(() => {
        pending = call();
      }).not.toThrow();
      await expect(pending).rejects.toThrow(TypeError);
    }
  });

  it('emits one event per call, with keys, hits and milliseconds', async () => {
    const { events, backend } = make();
    await backend.setValue('a', null);
    await backend.multiSetValues(
      (function* () {
        yield ['b', 1] as const;
        yield ['c', 2] as const;
      })(),
    );
    await backend.getValue('a');
    await backend.getValue('none');
    await backend.multiGetValues(['a', 'none', 'b', 'a']);
    await backend.exists('a');
    await backend.exists('none');
    await backend.incr('b');
    await backend.delete('a');
    await backend.deleteMany(['b', 'b', 'none']);
    await backend.close();
    expect(events.map(({ operation, keys, hits }) => [operation, keys, hits])).toEqual([
      ['setValue', 1, undefined],
      ['multiSetValues', 2, undefined],
      ['getValue', 1, 1],
      ['getValue', 1, 0],
      ['multiGetValues', 4, 3],
      ['exists', 1, 1],
      ['exists', 1, 0],
      ['incr', 1, undefined],
      ['delete', 1, 1],
      ['deleteMany', 3, 1],
      ['close', 0, undefined],
    ]);
    for (const { backend, durationMs, error } of events) {
      expect(backend).toBe('map');
      expect(durationMs).toBeGreaterThanOrEqual(0);
      expect(error).toBeUndefined();
    }
  });

  it('tells the milliseconds from the call until it settled', async () => {
    vi.useFakeTimers();
    try {
      const { driver, events, backend } = make();
      driver.get = () => new Promise((resolve) => setTimeout(() => resolve(7), 40)) as never;
      await vi.advanceTimersByTimeAsync(5);
      const value = backend.getValue('k');
      await vi.advanceTimersByTimeAsync(40);
      expect(await value).toBe(7);
      expect(events.map(({ durationMs }) => durationMs)).toEqual([40]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('counts the keys that were there when it was called', async () => {
    const { events, backend } = make();
    const keys = ['a', 'b'];
    const pending = [backend.multiGetValues(keys), backend.deleteMany(keys)];
    keys.length = 0;
    await Promise.all(pending);
    expect(events.map((event) => event.keys)).toEqual([2, 2]);
  });

  it('emits the error that the call rejects with, without hits', async () => {
    const { driver, events, backend } = make();
    driver.get = () => {
      throw new DriverError('UNAVAILABLE', 'connection refused');
    };
    const failures = [
      await failureOf(backend.getValue('k')),
      await failureOf(backend.multiGetValues('no array' as never)),
      await failureOf(backend.deleteMany(undefined as never)),
      await failureOf(backend.multiSetValues(5 as never)),
    ];
    expect(events.map(({ error }) => error)).toEqual(failures);
    expect(events.map(({ hits, keys }) => [hits, keys])).toEqual([
      [undefined, 1],
      [undefined, 0],
      [undefined, 0],
      [undefined, 0],
    ]);
  });

  it('is the backend itself without a listener', () => {
    const backend = createBackend(new MapDriver());
    expect(observed(backend, undefined)).toBe(backend);
  });

  it('raises what a listener throws as an uncaught exception, without affecting the call', async () => {
    const broken = new Error('the listener is broken');
    const uncaught = uncaughtException();
    const backend = observed(createBackend(new MapDriver()), ({ operation }) => {
      if (operation === 'setValue') throw broken;
    });
    await backend.setValue('k', 1);
    expect(await backend.getValue('k')).toBe(1);
    expect(await uncaught).toBe(broken);
  });
});
