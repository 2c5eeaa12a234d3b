import { type CacheDriver, DriverError, type Found, type Stored } from '@ninefold/core';
import { mapCapabilities } from './map-driver.ts';

interface Entry {
  readonly value: Stored;
  /** Milliseconds on the clock; `Infinity` if the entry never expires. */
  readonly deadline: number;
}

/** The smallest driver that keeps the whole contract, on a clock that the test controls. */
export class TimedDriver implements CacheDriver {
  readonly name = 'timed';
  readonly capabilities = mapCapabilities;
  readonly entries = new Map<string, Entry>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  get(key: string): Found {
    const entry = this.entries.get(key);
    return entry !== undefined && this.#now() < entry.deadline ? entry.value : undefined;
  }

  getMany(keys: readonly string[]): readonly Found[] {
    return keys.map((key) => this.get(key));
  }

  setMany(entries: readonly (readonly [string, Stored])[], ttl: number | undefined): void {
    const deadline = this.deadline(ttl);
    for (const [key, value] of entries) this.entries.set(key, { value, deadline });
  }

  exists(key: string): boolean {
    return this.get(key) !== undefined;
  }

  deleteMany(keys: readonly string[]): number {
    return keys.filter((key) => this.exists(key) && this.entries.delete(key)).length;
  }

  incr(key: string, delta: number, ttl: number | undefined): number {
    const value = this.get(key);
    if (typeof value === 'string')
      throw new DriverError('NOT_A_COUNTER', 'the value is not an integer', { applied: 'no' });
    const sum = (value ?? 0) + delta;
    if (!Number.isSafeInteger(sum)) throw new DriverError('COUNTER_RANGE', 'beyond the safe range', { applied: 'no' });
    const deadline = value === undefined ? this.deadline(ttl) : (this.entries.get(key)?.deadline ?? 0);
    this.entries.set(key, { value: sum, deadline });
    return sum;
  }

  close(): void {
    this.entries.clear();
  }

  deadline(ttl: number | undefined): number {
    return ttl === undefined ? Number.POSITIVE_INFINITY : this.#now() + Math.ceil(ttl * 1000);
  }
}
