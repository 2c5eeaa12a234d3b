import { createBackend, DriverError } from '@ninefold/core';

/** What this backend can do. The conformance suite reads it too. */
export const ownCapabilities = Object.freeze({
  shared: true,
  atomicIncr: true,
  ttlGranularity: 0.001,
  maxValueBytes: undefined,
});

/** @typedef {{ readonly value: import('@ninefold/core').Stored, readonly expiresAt: number }} Entry `expiresAt` is in milliseconds since 1970 */

/**
 * A backend of your own, in your own repository. Here its entries are in a Map; yours sends requests to a server.
 * @param {Map<string, Entry>} store
 * @param {import('@ninefold/core').RemoteOptions} [options]
 */
export function ownBackend(store, options) {
  /** @param {string} key */
  const unexpired = (key) => {
    const entry = store.get(key);
    return entry !== undefined && entry.expiresAt > Date.now() ? entry : undefined;
  };
  /** @param {number | undefined} ttl */
  const expiryOf = (ttl) => (ttl === undefined ? Number.POSITIVE_INFINITY : Date.now() + Math.ceil(ttl * 1000));

  /** @type {import('@ninefold/core').CacheDriver} */
  const driver = {
    name: 'own',
    capabilities: ownCapabilities,
    get: (key) => unexpired(key)?.value,
    getMany: (keys) => keys.map((key) => unexpired(key)?.value),
    setMany(entries, ttl) {
      for (const [key, value] of entries) store.set(key, { value, expiresAt: expiryOf(ttl) });
    },
    exists: (key) => unexpired(key) !== undefined,
    deleteMany: (keys) => keys.filter((key) => unexpired(key) !== undefined && store.delete(key)).length,
    incr(key, delta, ttl) {
      const { value, expiresAt } = unexpired(key) ?? { value: 0, expiresAt: expiryOf(ttl) };
      if (typeof value !== 'number') throw new DriverError('NOT_A_COUNTER', 'not an integer', { applied: 'no' });
      const sum = value + delta;
      if (!Number.isSafeInteger(sum)) throw new DriverError('COUNTER_RANGE', 'out of range', { applied: 'no' });
      store.set(key, { value: sum, expiresAt });
      return sum;
    },
    close() {
      // Nothing to close: the store belongs to the caller.
    },
  };
  // Core has no default deadline.
  const { timeoutMs = 1000 } = options ?? {};
  return createBackend(driver, { ...options, timeoutMs });
}
