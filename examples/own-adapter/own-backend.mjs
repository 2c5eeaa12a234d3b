import { createBackend, DriverError } from '@ninefold/core';

/** What every entry may do here; the suite reads it, too. */
export const ownCapabilities = Object.freeze({
  shared: true,
  atomicIncr: true,
  ttlGranularity: 0.001,
  maxValueBytes: undefined,
});

/** @typedef {{ readonly value: import('@ninefold/core').Stored, readonly deadline: number }} Entry */

/**
 * A backend in a repository of one's own: here on a Map.
 * @param {Map<string, Entry>} store
 * @param {import('@ninefold/core').RemoteOptions} [options]
 */
export function ownBackend(store, options) {
  /** @param {string} key */
  const live = (key) => {
    const entry = store.get(key);
    return entry !== undefined && entry.deadline > Date.now() ? entry : undefined;
  };
  /** @param {number | undefined} ttl */
  const deadlineOf = (ttl) => (ttl === undefined ? Number.POSITIVE_INFINITY : Date.now() + Math.ceil(ttl * 1000));

  /** @type {import('@ninefold/core').CacheDriver} */
  const driver = {
    name: 'own',
    capabilities: ownCapabilities,
    get: (key) => live(key)?.value,
    getMany: (keys) => keys.map((key) => live(key)?.value),
    setMany(entries, ttl) {
      for (const [key, value] of entries) store.set(key, { value, deadline: deadlineOf(ttl) });
    },
    exists: (key) => live(key) !== undefined,
    deleteMany: (keys) => keys.filter((key) => live(key) !== undefined && store.delete(key)).length,
    incr(key, delta, ttl) {
      const { value, deadline } = live(key) ?? { value: 0, deadline: deadlineOf(ttl) };
      if (typeof value !== 'number') throw new DriverError('NOT_A_COUNTER', 'no integer', { applied: 'no' });
      const sum = value + delta;
      if (!Number.isSafeInteger(sum)) throw new DriverError('COUNTER_RANGE', 'out of range', { applied: 'no' });
      store.set(key, { value: sum, deadline });
      return sum;
    },
    close() {
      // The store is the caller's.
    },
  };
  return createBackend(driver, options);
}
