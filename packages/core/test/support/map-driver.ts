import { type CacheDriver, type Capabilities, DriverError, type Found, type Stored } from '@ninefold/core';

export const mapCapabilities: Capabilities = {
  shared: false,
  atomicIncr: true,
  ttlGranularity: 0.001,
  maxValueBytes: undefined,
};

/** The smallest correct driver without TTLs, on a `Map`. `entries` is the content of the server. */
export class MapDriver implements CacheDriver {
  readonly name = 'map';
  readonly capabilities: Capabilities;
  readonly entries = new Map<string, Found>();
  /** The names of all methods called, in order. */
  readonly calls: string[] = [];
  closed = 0;

  constructor(capabilities: Partial<Capabilities> = {}) {
    this.capabilities = { ...mapCapabilities, ...capabilities };
  }

  get(key: string): Found {
    this.calls.push('get');
    return this.entries.get(key);
  }

  getMany(keys: readonly string[]): readonly Found[] {
    this.calls.push('getMany');
    return keys.map((key) => this.entries.get(key));
  }

  setMany(entries: readonly (readonly [string, Stored])[]): void {
    this.calls.push('setMany');
    for (const [key, value] of entries) this.entries.set(key, value);
  }

  exists(key: string): boolean {
    this.calls.push('exists');
    return this.entries.has(key);
  }

  deleteMany(keys: readonly string[]): number {
    this.calls.push('deleteMany');
    return keys.filter((key) => this.entries.delete(key)).length;
  }

  incr(key: string, delta: number): number {
    this.calls.push('incr');
    const value = this.entries.get(key) ?? 0;
    if (typeof value !== 'number')
      throw new DriverError('NOT_A_COUNTER', 'the value is not an integer', { applied: 'no' });
    const sum = value + delta;
    if (!Number.isSafeInteger(sum)) throw new DriverError('COUNTER_RANGE', 'beyond the safe range', { applied: 'no' });
    this.entries.set(key, sum);
    return sum;
  }

  close(): void {
    this.closed += 1;
  }
}
