import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LruTable } from '../src/lru-table.ts';

const bounds = { maxEntries: 40, maxBytes: 900 };
const MAX_SIZE = 60;

interface Entry {
  readonly key: string;
  readonly value: number;
  readonly size: number;
  readonly expiry: number;
}

/** The reference implementation: a list from the oldest to the newest. */
class PlainList {
  time = 0;
  evictions = 0;
  list: Entry[] = [];

  #alive = ({ expiry }: Entry): boolean => this.time < expiry;

  find(key: string): Entry | undefined {
    return this.list.find((entry) => entry.key === key && this.#alive(entry));
  }

  drop(key: string): void {
    this.list = this.list.filter((entry) => entry.key !== key);
  }

  get(key: string): number | undefined {
    const entry = this.find(key);
    this.drop(key);
    if (entry !== undefined) this.list.push(entry);
    return entry?.value;
  }

  set(entry: Entry): void {
    this.drop(entry.key);
    this.list.push(entry);
    while (this.list.length > bounds.maxEntries || this.bytes > bounds.maxBytes) {
      const oldest = this.list.shift() as Entry;
      if (this.#alive(oldest)) this.evictions += 1;
    }
  }

  purge(): void {
    this.list = this.list.filter(this.#alive);
  }

  get bytes(): number {
    return this.list.reduce((sum, { size }) => sum + size, 0);
  }
}

const key = fc.integer({ min: 0, max: 80 }).map((index) => `key ${index}`);
const step = fc.oneof(
  fc.record({ does: fc.constant('get' as const), key }),
  fc.record({ does: fc.constant('has' as const), key }),
  fc.record({ does: fc.constant('delete' as const), key }),
  fc.record({ does: fc.constant('purge' as const), key }),
  fc.record({
    does: fc.constant('set' as const),
    key,
    value: fc.nat(),
    size: fc.integer({ min: 1, max: MAX_SIZE }),
    ttl: fc.option(fc.integer({ min: 1, max: 50 })),
  }),
);

describe('the table of entries', () => {
  it('behaves like a plain list from the oldest to the newest', () => {
    const property = fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
      const list = new PlainList();
      const table = new LruTable(bounds, () => list.time);
      for (const each of steps) {
        list.time += 1;
        if (each.does === 'get') expect(table.get(each.key)).toBe(list.get(each.key));
        if (each.does === 'has') expect(table.has(each.key)).toBe(list.find(each.key) !== undefined);
        if (each.does === 'delete') {
          expect(table.delete(each.key)).toBe(list.find(each.key) !== undefined);
          list.drop(each.key);
        }
        if (each.does === 'purge') {
          table.purge();
          list.purge();
        }
        if (each.does === 'set') {
          const expiry = each.ttl === null ? Number.POSITIVE_INFINITY : list.time + each.ttl;
          table.set(each.key, each.value, each.size, expiry);
          list.set({ ...each, expiry });
          expect(table.expiryOf(each.key)).toBe(expiry);
        }
        expect([table.entries, table.bytes, table.evictions]).toEqual([list.list.length, list.bytes, list.evictions]);
      }
    });
    fc.assert(property, { numRuns: 60 });
  });

  it('reuses the rows of deleted entries, and keeps nothing of them', () => {
    const table = new LruTable({ maxEntries: 1000, maxBytes: 1_000_000 }, () => 0);
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < 1000; index++) table.set(`${round} ${index}`, index, 1, Number.POSITIVE_INFINITY);
      expect(table.get(`${round} 999`)).toBe(999);
      for (let index = 0; index < 1000; index++) expect(table.delete(`${round} ${index}`)).toBe(true);
      expect([table.entries, table.bytes, table.evictions]).toEqual([0, 0, 0]);
    }
  });

  it('takes no more memory for many entries than for one, if each is deleted before the next', () => {
    const table = new LruTable(bounds, () => 0);
    const before = process.memoryUsage().arrayBuffers;
    for (let index = 0; index < 200_000; index++) {
      table.set(`${index}`, index, 1, Number.POSITIVE_INFINITY);
      table.delete(`${index}`);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });
});
