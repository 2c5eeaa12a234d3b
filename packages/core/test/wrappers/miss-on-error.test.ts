import {
  type CacheBackend,
  type CacheError,
  type CacheErrorCode,
  createBackend,
  DriverError,
  missOnError,
} from '@ninefold/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { failureOf } from '../support/failure.ts';
import { MapDriver } from '../support/map-driver.ts';
import { uncaughtException } from '../support/uncaught-exception.ts';

let driver: MapDriver;
let told: CacheError[];
let backend: CacheBackend;

beforeEach(() => {
  driver = new MapDriver();
  told = [];
  backend = missOnError(createBackend(driver), { onError: (error) => told.push(error) });
});

function breakDriver(code: CacheErrorCode): void {
  const fail = () => {
    throw new DriverError(code, 'no');
  };
  Object.assign(driver, { get: fail, getMany: fail, setMany: fail, exists: fail, deleteMany: fail, incr: fail });
}

describe('missOnError', () => {
  it('throws without an onError', () => {
    for (const options of [undefined, null, {}, { onError: 'console' }]) {
      const make = (): unknown => missOnError(createBackend(driver), options as never);
      expect(make).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS', operation: 'create', backend: 'map' }));
    }
  });

  it('passes on successful calls', async () => {
    await backend.setValue('k', 1);
    expect(await backend.getValue('k')).toBe(1);
    expect(told).toEqual([]);
  });

  for (const code of ['TIMEOUT', 'UNAVAILABLE', 'AUTH', 'BACKEND'] as const) {
    it(`turns ${code} of reads into misses and skips sets, and calls onError for each`, async () => {
      breakDriver(code);
      expect(await backend.getValue('k')).toBeUndefined();
      expect(await backend.multiGetValues(['a', 'b'])).toStrictEqual([undefined, undefined]);
      expect(await backend.exists('k')).toBe(false);
      expect(await backend.setValue('k', 1)).toBeUndefined();
      expect(await backend.multiSetValues([['k', 1]])).toBeUndefined();
      expect(told.map((error) => [error.code, error.operation])).toEqual(
        ['getValue', 'multiGetValues', 'exists', 'setValue', 'multiSetValues'].map((operation) => [code, operation]),
      );
    });

    it(`still rejects ${code} of deletes and increments`, async () => {
      breakDriver(code);
      for (const call of [backend.delete('k'), backend.deleteMany(['k']), backend.incr('k')]) {
        expect((await failureOf(call)).code).toBe(code);
      }
      expect(told).toEqual([]);
    });
  }

  it('raises what onError throws as an uncaught exception, without affecting the call', async () => {
    const broken = new Error('the logger is broken');
    const uncaught = uncaughtException();
    const cache = missOnError(createBackend(driver), {
      onError: () => {
        throw broken;
      },
    });
    breakDriver('UNAVAILABLE');
    expect(await cache.exists('k')).toBe(false);
    expect(await uncaught).toBe(broken);
  });

  it('still rejects for invalid arguments, unreadable entries and values that are too large', async () => {
    driver.entries.set('corrupt', 'garbage').set('n', 1);
    const failures = [
      await failureOf(backend.getValue('')),
      await failureOf(backend.setValue('k', undefined)),
      await failureOf(backend.setValue('k', 1, { ttl: 0 })),
      await failureOf(backend.getValue('corrupt')),
      await failureOf(backend.getValue('n', { type: () => undefined })),
    ];
    breakDriver('TOO_LARGE');
    failures.push(await failureOf(backend.setValue('k', 1)));
    expect(failures.map(({ code }) => code)).toEqual([
      'INVALID_KEY',
      'INVALID_VALUE',
      'INVALID_TTL',
      'CORRUPT',
      'TYPE_MISMATCH',
      'TOO_LARGE',
    ]);
    await backend.close();
    expect((await failureOf(backend.getValue('k'))).code).toBe('CLOSED');
    expect(told).toEqual([]);
  });
});
