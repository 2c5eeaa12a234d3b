import { type CacheBackend, CacheError, createBackend, DriverError, type Stored } from '@ninefold/core';
import { TimedDriver } from '../../support/timed-driver.ts';
import { backendMutant, driverMutant, instead, type Mutant, type Now } from './mutant.ts';

const MAX = Number.MAX_SAFE_INTEGER;

/** A mutant whose driver increments differently. */
function incrMutant(
  name: string,
  breaks: readonly string[],
  incr: (driver: TimedDriver, key: string, delta: number, ttl: number | undefined) => number | Promise<number>,
): Mutant {
  const make = (now: Now) =>
    new (class extends TimedDriver {
      override incr(key: string, delta: number, ttl: number | undefined): never {
        return incr(
          new Proxy(this, {
            get: (target, property) =>
              property === 'incr'
                ? (...args: [string, number, number | undefined]) => super.incr(...args)
                : bound(target, property),
          }),
          key,
          delta,
          ttl,
        ) as never;
      }
    })(now);
  return driverMutant(name, breaks, make);
}

function bound(target: object, property: string | symbol): unknown {
  const member: unknown = Reflect.get(target, property, target);
  return typeof member === 'function' ? member.bind(target) : member;
}

function numberOf(found: unknown): number {
  if (found === undefined) return 0;
  if (typeof found === 'number') return found;
  throw new DriverError('NOT_A_COUNTER', 'the value is not an integer', { applied: 'no' });
}

const set = (driver: TimedDriver, key: string, value: Stored, ttl?: number): void =>
  driver.setMany([[key, value]], ttl);

export const counterMutants: readonly Mutant[] = [
  incrMutant('creates with 0', ['counters/creates', 'counters/default-delta'], (driver, key, delta, ttl) => {
    if (driver.exists(key)) return driver.incr(key, delta, ttl);
    set(driver, key, 0, ttl);
    return 0;
  }),
  incrMutant('adds delta || 1', ['counters/delta-zero', 'counters/never-minus-zero'], (driver, key, delta, ttl) =>
    driver.incr(key, delta || 1, ttl),
  ),
  incrMutant('takes a delta of 0 for a reset', ['counters/delta-zero'], (driver, key, delta, ttl) => {
    if (delta === 0) driver.deleteMany([key]);
    return driver.incr(key, delta, ttl);
  }),
  incrMutant('does not create with a delta of 0', ['counters/delta-zero'], (driver, key, delta, ttl) =>
    delta === 0 && !driver.exists(key) ? 0 : driver.incr(key, delta, ttl),
  ),
  incrMutant(
    'stops at 0 going down',
    ['counters/adds', 'counters/creates', 'counters/lower-end'],
    (driver, key, delta) => {
      const sum = Math.max(0, numberOf(driver.get(key)) + delta);
      set(driver, key, sum);
      return sum;
    },
  ),
  incrMutant('counts in 32 bits', ['counters/beyond-32-bits', 'counters/upper-end'], (driver, key, delta) => {
    const sum = (numberOf(driver.get(key)) + delta) | 0;
    set(driver, key, sum);
    return sum;
  }),
  incrMutant('reads 2^32 as 256', ['counters/beyond-32-bits'], (driver, key, delta, ttl) => {
    const sum = driver.incr(key, delta, ttl);
    return sum >= 2 ** 32 ? (sum % 2 ** 32) + 256 : sum;
  }),
  incrMutant(
    'rounds results near the ends of the range',
    ['counters/upper-end', 'counters/lower-end'],
    (driver, key, delta, ttl) => {
      const sum = driver.incr(key, delta, ttl);
      return Math.abs(sum) > MAX - 47 && Math.abs(sum) < MAX ? sum - Math.sign(sum) : sum;
    },
  ),
  incrMutant('counts beyond the safe range', ['counters/range', 'counters/range-keeps-ttl'], (driver, key, delta) => {
    const sum = numberOf(driver.get(key)) + delta;
    set(driver, key, Math.max(-MAX, Math.min(MAX, sum)));
    return sum;
  }),
  incrMutant('takes back a result out of range by a set', ['counters/range-keeps-ttl'], (driver, key, delta, ttl) => {
    const old = driver.get(key);
    try {
      return driver.incr(key, delta, ttl);
    } catch (error) {
      if (typeof old === 'number') set(driver, key, old);
      throw error;
    }
  }),
  incrMutant('leaves the wrong counter behind when out of range', ['counters/range'], (driver, key, delta, ttl) => {
    try {
      return driver.incr(key, delta, ttl);
    } catch (error) {
      if (typeof driver.get(key) === 'number') set(driver, key, -delta);
      throw error;
    }
  }),
  incrMutant('rejects NOT_A_COUNTER for a result out of range', ['counters/range'], (driver, key, delta, ttl) => {
    try {
      return driver.incr(key, delta, ttl);
    } catch {
      throw new DriverError('NOT_A_COUNTER', 'no', { applied: 'no' });
    }
  }),
  incrMutant(
    'increments texts',
    ['counters/not-a-counter', 'serializers/not-for-integers'],
    (driver, key, delta, ttl) => {
      const found = driver.get(key);
      const number =
        typeof found === 'string' ? Number.parseInt(found.replace(/\D+/g, '') || '0', 10) : numberOf(found);
      set(driver, key, Math.min(MAX, number + delta), ttl);
      return Math.min(MAX, number + delta);
    },
  ),
  incrMutant(
    'overwrites values that are not counters',
    ['counters/not-a-counter', 'corruption/not-a-counter'],
    (driver, key, delta, ttl) => {
      if (typeof driver.get(key) === 'string') set(driver, key, 0);
      return driver.incr(key, delta, ttl);
    },
  ),
  incrMutant('applies a TTL to an existing counter', ['counters/ttl-only-at-creation'], (driver, key, delta, ttl) => {
    const sum = driver.incr(key, delta, ttl);
    if (ttl !== undefined && ttl < 10) set(driver, key, sum, ttl);
    return sum;
  }),
  incrMutant(
    'takes a counter that equals the delta for a new one',
    ['counters/ttl-only-at-creation'],
    (driver, key, delta, ttl) => {
      const sum = driver.incr(key, delta, undefined);
      if (sum === delta && ttl !== undefined) set(driver, key, sum, ttl);
      return sum;
    },
  ),
  incrMutant(
    'never gives a counter a TTL',
    ['counters/ttl-at-creation', 'counters/restarts-after-expiry'],
    (driver, key, delta) => driver.incr(key, delta, undefined),
  ),
  incrMutant(
    'loses the TTL by a get and a set',
    ['counters/keeps-ttl', 'counters/ttl-at-creation'],
    (driver, key, delta) => {
      const sum = numberOf(driver.get(key)) + delta;
      if (!Number.isSafeInteger(sum)) throw new DriverError('COUNTER_RANGE', 'no', { applied: 'no' });
      set(driver, key, sum);
      return sum;
    },
  ),
  incrMutant(
    'restarts an expired counter with the old expiry',
    ['counters/restarts-after-expiry'],
    (driver, key, delta, ttl) => {
      const old = driver.entries.get(key);
      const sum = driver.incr(key, delta, ttl);
      if (old !== undefined && Number.isFinite(old.deadline) && delta === 3)
        driver.entries.set(key, { value: sum, deadline: old.deadline + 400 });
      return sum;
    },
  ),
  incrMutant(
    'gives no TTL to a counter that it creates with 0',
    ['counters/ttl-at-creation'],
    (driver, key, delta, ttl) => driver.incr(key, delta, delta === 0 ? undefined : ttl),
  ),
  driverMutant(
    'applies a TTL only to the first counter under a key',
    ['counters/restarts-after-expiry', 'counters/ttl-at-creation'],
    (now) => {
      const made = new Set<string>();
      return new (class extends TimedDriver {
        override incr(key: string, delta: number, ttl: number | undefined): number {
          const again = made.has(key) && !this.exists(key);
          made.add(key);
          return super.incr(key, delta, again ? undefined : ttl);
        }
      })(now);
    },
  ),
  driverMutant(
    'restarts the TTL of a counter with every increment',
    ['counters/keeps-ttl', 'counters/range-keeps-ttl'],
    (now) => {
      const ttls = new Map<string, number | undefined>();
      return new (class extends TimedDriver {
        override setMany(entries: readonly (readonly [string, Stored])[], ttl: number | undefined): void {
          for (const [key] of entries) ttls.set(key, ttl);
          super.setMany(entries, ttl);
        }
        override incr(key: string, delta: number, ttl: number | undefined): number {
          if (!this.exists(key)) ttls.set(key, ttl);
          try {
            return super.incr(key, delta, ttl);
          } finally {
            const entry = this.entries.get(key);
            if (entry !== undefined) this.entries.set(key, { ...entry, deadline: this.deadline(ttls.get(key)) });
          }
        }
      })(now);
    },
  ),
  incrMutant(
    'increments expired counters',
    ['counters/restarts-after-expiry', 'ttl/batch-expires'],
    (driver, key, delta, ttl) => {
      const stale = driver.entries.get(key)?.value;
      if (!driver.exists(key) && typeof stale === 'number') set(driver, key, stale, ttl);
      return driver.incr(key, delta, ttl);
    },
  ),
  incrMutant(
    'increments by a get and a set',
    ['concurrency/no-increment-lost', 'concurrency/one-creator'],
    async (driver, key, delta, ttl) => {
      const old = driver.entries.get(key);
      const before = driver.get(key);
      await null;
      if (driver.get(key) !== before && old !== undefined) driver.entries.set(key, old);
      else if (before === undefined) driver.deleteMany([key]);
      return driver.incr(key, delta, ttl);
    },
  ),
  incrMutant('ignores the stored value if the delta is 0', ['counters/not-a-counter'], (driver, key, delta, ttl) =>
    delta === 0 && typeof driver.get(key) === 'string' ? 0 : driver.incr(key, delta, ttl),
  ),
  driverMutant('pads counters with spaces', ['counters/digits-shrink', 'counters/adds'], (now) => {
    const widths = new Map<string, number>();
    return new (class extends TimedDriver {
      override get(key: string) {
        const found = super.get(key);
        const width = widths.get(key) ?? 0;
        return typeof found === 'number' && String(found).length < width ? String(found).padEnd(width) : found;
      }
      override incr(key: string, delta: number, ttl: number | undefined): number {
        const found = this.entries.get(key)?.value;
        if (typeof found === 'number') widths.set(key, Math.max(widths.get(key) ?? 0, String(found).length));
        return super.incr(key, delta, ttl);
      }
      override setMany(entries: readonly (readonly [string, Stored])[], ttl: number | undefined): void {
        for (const [key] of entries) widths.delete(key);
        super.setMany(entries, ttl);
      }
    })(now);
  }),
  driverMutant(
    'keeps counters apart from values',
    ['counters/on-set-value', 'counters/set-over', 'counters/range'],
    (now) => {
      const counters = new TimedDriver(now);
      return new (class extends TimedDriver {
        override incr(key: string, delta: number, ttl: number | undefined): number {
          return counters.incr(key, delta, ttl);
        }
        override get(key: string) {
          return counters.get(key) ?? super.get(key);
        }
      })(now);
    },
  ),
  driverMutant('finds an expired text under a new counter', ['counters/restarts-after-expiry'], (now) => {
    return new (class extends TimedDriver {
      override incr(key: string, delta: number, ttl: number | undefined): number {
        const expired = this.exists(key) ? undefined : this.entries.get(key)?.value;
        const sum = super.incr(key, delta, ttl);
        if (typeof expired === 'string') this.setMany([[key, expired]], ttl);
        return sum;
      }
    })(now);
  }),
  driverMutant('finds the old counter under a text', ['counters/set-over'], (now) => {
    const counts = new Map<string, number>();
    return new (class extends TimedDriver {
      override incr(key: string, delta: number, ttl: number | undefined): number {
        const hidden = counts.get(key);
        if (hidden !== undefined && typeof this.get(key) === 'string') this.setMany([[key, hidden]], undefined);
        const sum = super.incr(key, delta, ttl);
        counts.set(key, sum);
        return sum;
      }
    })(now);
  }),
  backendMutant('returns counters as text', ['counters/is-a-number', 'counters/creates'], (right) => ({
    incr: async (key: string, delta?: number, options?: never) => String(await right.incr(key, delta, options)),
  })),
  backendMutant('returns -0', ['counters/never-minus-zero'], (right) => ({
    incr: async (key: string, delta?: number, options?: never) => (await right.incr(key, delta, options)) || -0,
  })),
  backendMutant('takes any delta', ['counters/refuses-delta'], (right) => ({
    incr: (key: string, delta?: number, options?: never) =>
      right.incr(key, Number.isSafeInteger(delta) ? delta : 1, options),
  })),
  backendMutant('takes undefined for 0', ['counters/default-delta'], (right) => ({
    incr: (key: string, delta?: number, options?: never) => right.incr(key, delta === undefined ? 0 : delta, options),
  })),
  {
    name: 'increments before it rejects UNSUPPORTED',
    breaks: ['counters/unsupported'],
    capabilities: { atomicIncr: false },
    create: (options, now): CacheBackend => {
      const right = createBackend(new TimedDriver(now), options);
      return instead(right, {
        capabilities: { ...right.capabilities, atomicIncr: false },
        incr: async (key: string, ...args: never[]) => {
          await right.incr(key, ...args);
          throw new CacheError({ code: 'UNSUPPORTED', backend: right.name, operation: 'incr', key, reason: 'no' });
        },
      });
    },
  },
  {
    name: 'rejects UNSUPPORTED only with a TTL',
    breaks: ['counters/unsupported'],
    capabilities: { atomicIncr: false },
    create: (options, now): CacheBackend => {
      const right = createBackend(new TimedDriver(now), options);
      return instead(right, {
        capabilities: { ...right.capabilities, atomicIncr: false },
        incr: async (key: string, delta?: number, given?: { readonly ttl?: number }) => {
          if (given?.ttl === undefined) return await right.incr(key, delta);
          throw new CacheError({ code: 'UNSUPPORTED', backend: right.name, operation: 'incr', key, reason: 'no' });
        },
      });
    },
  },
  {
    name: 'increments although atomicIncr is false',
    breaks: ['counters/unsupported'],
    capabilities: { atomicIncr: false },
    create: (options, now): CacheBackend => {
      const right = createBackend(new TimedDriver(now), options);
      return instead(right, { capabilities: { ...right.capabilities, atomicIncr: false } });
    },
  },
];
