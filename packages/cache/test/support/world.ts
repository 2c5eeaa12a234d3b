import type { CacheBackend } from '@ninefold/core';
import { type Cache, type CacheOptions, createCache } from '../../src/cache.ts';

/** An environment that several processes share. */
export interface Place {
  /** Creates a backend on the shared entries. */
  readonly create: () => CacheBackend;
  /** Awaited before each step: a scheduler, or chance, decides which process goes on. */
  readonly turn: (label: string) => Promise<void>;
  /** The options of every cache. */
  readonly options: CacheOptions;
}

/** A load or `set` that makes values; `to` is `Infinity` until it has resolved. */
interface Write {
  readonly kind: 'load' | 'set';
  readonly key: string;
  readonly tags: readonly string[];
  readonly from: number;
  to: number;
}

interface Invalidation {
  /** The values that it outdates. */
  readonly matches: (write: Write) => boolean;
  readonly from: number;
  to: number;
}

interface Read {
  readonly key: string;
  readonly from: number;
  readonly value: unknown;
}

/** One process: a cache of its own on the shared entries, whose requests and replies each wait for their turn. */
export class Process {
  readonly cache: Cache;
  readonly died: Promise<void>;
  dead = false;
  crash: () => void = () => undefined;

  constructor(world: World, backend: CacheBackend, options: CacheOptions) {
    this.died = new Promise((resolve) => {
      this.crash = () => {
        this.dead = true;
        resolve();
      };
    });
    const slow = new Proxy(backend, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== 'function') return member;
        return async (...args: unknown[]) => {
          await world.step(`${String(property)} goes`, this);
          const result = await (member.apply(target, args) as Promise<unknown>);
          await world.step(`${String(property)} comes`, this);
          return result;
        };
      },
    });
    this.cache = createCache(slow, options);
  }
}

/** Records what several processes do with the same entries, and finds reads that break the rule. */
export class World {
  /** Bypasses the processes: for evictions. */
  readonly backend: CacheBackend;
  readonly #place: Place;
  readonly #writes: Write[] = [];
  readonly #invalidations: Invalidation[] = [];
  readonly #reads: Read[] = [];
  #ticks = 0;

  constructor(place: Place) {
    this.#place = place;
    this.backend = place.create();
  }

  process(): Process {
    return new Process(this, this.#place.create(), this.#place.options);
  }

  /** Waits for its turn; a dead process waits for ever. */
  async step(label: string, { dead }: { readonly dead: boolean }): Promise<void> {
    if (dead) return await new Promise(() => undefined);
    await this.#place.turn(label);
  }

  /** A loader that others may overtake. Its value is the index of its record. */
  loader(process: Process, key: string, tags: readonly string[]): () => Promise<number> {
    return async () => {
      const id = this.#record('load', key, tags);
      // Some loads are slow, so that much can happen between their beginning and their end.
      for (let steps = (7 * id + 9) % 12; steps >= 0; steps--) await this.step(`load ${key}`, process);
      return id;
    };
  }

  async read(key: string, call: () => Promise<unknown>): Promise<void> {
    const from = this.#tick();
    this.#reads.push({ key, from, value: await call() });
  }

  async readMany(keys: readonly string[], call: () => Promise<readonly unknown[]>): Promise<void> {
    const from = this.#tick();
    const values = await call();
    for (const [index, key] of keys.entries()) this.#reads.push({ key, from, value: values[index] });
  }

  async set(cache: Cache, key: string, tags: readonly string[]): Promise<void> {
    const id = this.#record('set', key, tags);
    const write = this.#writes[id] as Write;
    await this.invalidate(
      (other) => other.key === key && other !== write,
      async () => {
        await cache.set(key, id, { tags });
        write.to = this.#tick();
      },
    );
  }

  async invalidate(matches: (write: Write) => boolean, call: () => Promise<unknown>): Promise<void> {
    const invalidation = { matches, from: this.#tick(), to: Number.POSITIVE_INFINITY };
    this.#invalidations.push(invalidation);
    await call();
    invalidation.to = this.#tick();
  }

  /** The first read of a value that was deleted, replaced or invalidated before the read began, or never made. */
  stale(): string | undefined {
    for (const { key, from, value } of this.#reads) {
      if (value === undefined) continue;
      const write = this.#writes[value as number];
      if (write?.key !== key) return `${key} was read as ${value}, which was never made for it`;
      // A load is as old as its beginning; a set that has not resolved may still come after.
      const madeAt = write.kind === 'load' ? write.from : write.to;
      const invalidation = this.#invalidations.find(
        (each) => each.matches(write) && madeAt < each.from && each.to < from,
      );
      if (invalidation !== undefined) {
        const { from: began, to: ended } = invalidation;
        return `${key}, made at ${madeAt} by a ${write.kind}, outdated from ${began} to ${ended}, read at ${from}`;
      }
    }
    return undefined;
  }

  #record(kind: Write['kind'], key: string, tags: readonly string[]): number {
    this.#writes.push({ kind, key, tags, from: this.#tick(), to: Number.POSITIVE_INFINITY });
    return this.#writes.length - 1;
  }

  #tick(): number {
    this.#ticks += 1;
    return this.#ticks;
  }
}
