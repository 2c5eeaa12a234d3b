import { createBackend } from '@ninefold/core';
import { describeCacheBackend, type Runner } from '@ninefold/core/conformance';
import { mapCapabilities } from '../../support/map-driver.ts';
import { TimedDriver } from '../../support/timed-driver.ts';

/** The suite under some runner: a right backend, and one that counts `delta || 1` where `WRONG` is set. */
export function tryUnder(runner: Runner): void {
  let now = 0;
  const clock = {
    advance(milliseconds: number): void {
      now += milliseconds;
    },
  };
  const create: Parameters<typeof describeCacheBackend>[1]['create'] = (options) => {
    const driver = new TimedDriver(() => now);
    if (process.env.WRONG === '1') {
      const { incr } = driver;
      driver.incr = (key, delta, ttl) => incr.call(driver, key, delta || 1, ttl);
    }
    return createBackend(driver, options);
  };
  describeCacheBackend('a backend', { ...runner, create, capabilities: mapCapabilities, clock });
}
