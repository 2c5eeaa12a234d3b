import { type CacheDriver, type Capabilities, DriverError, type Found, type Stored } from '@ninefold/core';

export interface Entry {
  readonly value: Stored;
  /** Milliseconds since 1970; `Infinity` if the entry never expires. */
  readonly expiresAt: number;
}

export const templateCapabilities: Capabilities = Object.freeze({
  shared: true,
  atomicIncr: true,
  ttlGranularity: 0.001,
  maxValueBytes: undefined,
});

/** The operations on the server. Here the server is a Map: replace the body of each method by requests to yours. */
export class TemplateDriver implements CacheDriver {
  readonly name = 'template';
  readonly capabilities: Capabilities = templateCapabilities;
  readonly #store: Map<string, Entry>;

  constructor(store: Map<string, Entry>) {
    this.#store = store;
  }

  get(key: string): Found {
    return this.#unexpired(key)?.value;
  }

  getMany(keys: readonly string[]): readonly Found[] {
    return keys.map((key) => this.get(key));
  }

  setMany(entries: readonly (readonly [key: string, value: Stored])[], ttl: number | undefined): void {
    const expiresAt = expiryOf(ttl);
    for (const [key, value] of entries) this.#store.set(key, { value, expiresAt });
  }

  exists(key: string): boolean {
    return this.#unexpired(key) !== undefined;
  }

  deleteMany(keys: readonly string[]): number {
    return keys.filter((key) => this.exists(key) && this.#store.delete(key)).length;
  }

  incr(key: string, delta: number, ttl: number | undefined): number {
    const { value, expiresAt } = this.#unexpired(key) ?? { value: 0, expiresAt: expiryOf(ttl) };
    if (typeof value !== 'number')
      throw new DriverError('NOT_A_COUNTER', 'the value is not an integer', { applied: 'no' });
    const sum = value + delta;
    if (!Number.isSafeInteger(sum)) {
      throw new DriverError('COUNTER_RANGE', 'the result is outside ±(2^53-1)', { applied: 'no' });
    }
    this.#store.set(key, { value: sum, expiresAt });
    return sum;
  }

  close(): void {
    // This driver opens nothing. Close here what yours opens, but never a client that the caller passed in.
  }

  #unexpired(key: string): Entry | undefined {
    const entry = this.#store.get(key);
    return entry !== undefined && entry.expiresAt > Date.now() ? entry : undefined;
  }
}

function expiryOf(ttl: number | undefined): number {
  return ttl === undefined ? Number.POSITIVE_INFINITY : Date.now() + Math.ceil(ttl * 1000);
}
