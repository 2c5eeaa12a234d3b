import { type CacheDriver, type Capabilities, DriverError, type Found, type Stored } from '@ninefold/core';

export interface Entry {
  readonly value: Stored;
  /** Milliseconds since 1970; `Infinity` for ever. */
  readonly deadline: number;
}

export const templateCapabilities: Capabilities = Object.freeze({
  shared: true,
  atomicIncr: true,
  ttlGranularity: 0.001,
  maxValueBytes: undefined,
});

/** What each operation asks of the server. Here the server is a Map; replace each method's body by requests. */
export class TemplateDriver implements CacheDriver {
  readonly name = 'template';
  readonly capabilities: Capabilities = templateCapabilities;
  readonly #store: Map<string, Entry>;

  constructor(store: Map<string, Entry>) {
    this.#store = store;
  }

  get(key: string): Found {
    return this.#live(key)?.value;
  }

  getMany(keys: readonly string[]): readonly Found[] {
    return keys.map((key) => this.get(key));
  }

  setMany(entries: readonly (readonly [key: string, value: Stored])[], ttl: number | undefined): void {
    const deadline = deadlineOf(ttl);
    for (const [key, value] of entries) this.#store.set(key, { value, deadline });
  }

  exists(key: string): boolean {
    return this.#live(key) !== undefined;
  }

  deleteMany(keys: readonly string[]): number {
    return keys.filter((key) => this.exists(key) && this.#store.delete(key)).length;
  }

  incr(key: string, delta: number, ttl: number | undefined): number {
    const { value, deadline } = this.#live(key) ?? { value: 0, deadline: deadlineOf(ttl) };
    if (typeof value !== 'number')
      throw new DriverError('NOT_A_COUNTER', 'the value is not an integer', { applied: 'no' });
    const sum = value + delta;
    if (!Number.isSafeInteger(sum)) {
      throw new DriverError('COUNTER_RANGE', 'the result is outside ±(2^53-1)', { applied: 'no' });
    }
    this.#store.set(key, { value: sum, deadline });
    return sum;
  }

  close(): void {
    // Nothing is open. Close here what the driver itself has opened, and never what the caller handed in.
  }

  #live(key: string): Entry | undefined {
    const entry = this.#store.get(key);
    return entry !== undefined && entry.deadline > Date.now() ? entry : undefined;
  }
}

function deadlineOf(ttl: number | undefined): number {
  return ttl === undefined ? Number.POSITIVE_INFINITY : Date.now() + Math.ceil(ttl * 1000);
}
