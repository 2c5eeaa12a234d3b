import type { CacheBackend } from '@ninefold/core';
import type { Cache } from './contract.ts';
import { type Snapshot, snapshot } from './copy.ts';
import { Counters } from './counters.ts';
import { Entries } from './entries.ts';
import { type CacheOperation, Events, type Tally } from './events.ts';
import { refusal } from './failure.ts';
import type { LoadContext } from './flight.ts';
import { Flights } from './flights.ts';
import { copyKey, encodeKey, type Key, type KeyPart } from './key.ts';
import { Leases } from './lease.ts';
import { Loads } from './loads.ts';
import {
  type Call,
  type CallOptions,
  type CheckedOptions,
  type CountOptions,
  checkCall,
  checkDelta,
  checkFixedTtl,
  checkKeys,
  checkLoader,
  checkPairs,
  checkTags,
  checkWrap,
  type GetOptions,
  type SetOptions,
  type WrapOptions,
} from './options.ts';
import { Reads } from './reads.ts';
import { Writes } from './writes.ts';

type Loader = (context: LoadContext) => unknown;
type ManyLoader = (keys: readonly never[], context: LoadContext) => unknown;

/** The cache that `createCache` returns: checks arguments, emits events and puts failures in the caller's terms. */
export class ReadThroughCache implements Cache {
  readonly #backend: CacheBackend;
  readonly #ttl: number | undefined;
  /** For calls without options, which skip the checks. */
  readonly #defaultCall: Call;
  readonly #events: Events;
  readonly #leases: Leases;
  readonly #reads: Reads;
  readonly #writes: Writes;

  constructor(backend: CacheBackend, options: CheckedOptions) {
    const { clock, leaseTtl } = options;
    this.#backend = backend;
    this.#ttl = options.ttl;
    this.#defaultCall = checkCall({}, this.#ttl);
    this.#events = new Events({ ...options, backend: backend.name, now: () => clock.now() });
    const counters = new Counters(backend, options);
    const entries = new Entries(backend, counters);
    const flights = new Flights(() => clock.now());
    this.#leases = new Leases(backend, leaseTtl, clock, this.#events);
    const parts = { entries, counters, flights, leases: this.#leases, events: this.#events };
    const loads = new Loads({ ...options, ...parts, backend: backend.name });
    this.#reads = new Reads(backend.name, { ...parts, loads });
    this.#writes = new Writes(backend, parts);
  }

  get(key: Key, options?: GetOptions<unknown>): Promise<never> {
    return this.#read('get', 1, (tally) => this.#reads.get(encodeKey(key), this.#call(options), tally));
  }

  set(key: Key, value: unknown, options?: SetOptions): Promise<void> {
    return this.#runOne('set', key, (text) => this.#set([[text, value]], options));
  }

  getMany(keys: readonly Key[], options?: GetOptions<unknown>): Promise<never[]> {
    return this.#run('getMany', lengthOf(keys), (tally) =>
      this.#reads.getMany(this.#keys(keys), this.#call(options), tally),
    );
  }

  setMany(pairs: Iterable<readonly [key: Key, value: unknown]>, options?: SetOptions): Promise<void> {
    // Iterated at call time. A failure to iterate rejects like any other mistake.
    const list = listOf(pairs);
    return this.#run('setMany', list?.length ?? 0, () => {
      const texts = checkPairs(list).map(([key, value]) => [encodeKey(key), value] as const);
      return this.#set(texts, options);
    });
  }

  has(key: Key, options?: Pick<GetOptions<unknown>, 'tags'>): Promise<boolean> {
    return this.#runOne('has', key, async (text, tally) => {
      const call = { ...this.#call(options), type: undefined };
      return (await this.#reads.get(text, call, tally)) !== undefined;
    });
  }

  delete(key: Key): Promise<void> {
    return this.#runOne('delete', key, (text) => this.#writes.delete([text]));
  }

  deleteMany(keys: readonly Key[]): Promise<void> {
    return this.#run('deleteMany', lengthOf(keys), () => this.#writes.delete(this.#keys(keys)));
  }

  incr(key: Key, delta?: number, options?: CountOptions): Promise<number> {
    return this.#runOne('incr', key, (text) =>
      this.#writes.count(text, checkDelta(text, delta), checkFixedTtl(this.#call(options))),
    );
  }

  getOrSet(key: Key, loader: Loader, options?: CallOptions): Promise<never> {
    return this.#read('getOrSet', 1, (tally) =>
      this.#reads.getOrLoad(encodeKey(key), checkLoader(loader), this.#call(options), tally),
    );
  }

  getOrSetMany(keys: readonly Key[], loader: ManyLoader, options?: CallOptions): Promise<never[]> {
    return this.#read('getOrSetMany', lengthOf(keys), (tally) => {
      checkLoader(loader);
      const texts = this.#keys(keys);
      // Copied: the caller may change its keys while the cache is read.
      const copies = keys.map(copyKey);
      const load = async (indexes: readonly number[], context: LoadContext): Promise<readonly unknown[]> =>
        (await loader(
          indexes.map((index) => copies[index] as never),
          context,
        )) as readonly unknown[];
      return this.#reads.getOrLoadMany(texts, load, this.#call(options), tally);
    });
  }

  wrap<A extends readonly unknown[]>(
    fn: (...args: A) => unknown,
    wrapOptions: WrapOptions<A, never> & Pick<GetOptions<unknown>, 'type'>,
  ): (...args: A) => Promise<never> {
    const { key, tags, ...options } = checkWrap(this.#backend.name, fn, wrapOptions);
    const keyOf = (args: A): Key => {
      if (typeof key === 'function') return key(...args);
      return [...(typeof key === 'string' ? [key] : key), ...(args as readonly KeyPart[])];
    };
    const tagsOf = (args: A) => (typeof tags === 'function' ? tags(...args) : tags);
    const cache = this;
    return function (this: unknown, ...args) {
      return cache.#read('getOrSet', 1, (tally) => {
        const text = encodeKey(keyOf(args));
        // Copied, as for `getOrSetMany`. Beside a function that makes the key, they may be anything.
        const given = typeof key === 'function' ? args : (args as readonly KeyPart[]).map(copyKey);
        const load = (): unknown => Reflect.apply(fn, this, given);
        return cache.#reads.getOrLoad(text, load, cache.#call({ ...options, tags: tagsOf(args) }), tally);
      });
    };
  }

  invalidateTags(...tags: readonly string[]): Promise<void> {
    return this.#run('invalidateTags', tags.length, () => this.#writes.invalidate(checkTags(tags)));
  }

  clear(): Promise<void> {
    return this.#run('clear', 0, () => this.#writes.clear());
  }

  close(): Promise<void> {
    return this.#run('close', 0, async () => {
      // Not awaited: the backend's own close waits for requests in flight, and has a limit.
      void this.#leases.releaseAll();
      await this.#backend.close();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** As `#run`, for reads that name failures themselves: a promise more slows a hit, and loaders' errors stay as is. */
  #read(operation: CacheOperation, keys: number, work: (tally: Tally) => Promise<unknown>): Promise<never> {
    return this.#events.track(operation, keys, work) as Promise<never>;
  }

  /** Tracks a call. Its failures name the caller's operation. */
  #run<T>(operation: CacheOperation, keys: number, work: (tally: Tally) => Promise<unknown>): Promise<T> {
    return this.#events.track(operation, keys, async (tally) => {
      try {
        return (await work(tally)) as T;
      } catch (error) {
        throw this.#events.forCaller(error, tally);
      }
    });
  }

  /** As `#run`, for one key. Failures name the key as it was at call time. */
  #runOne<T>(operation: CacheOperation, key: Key, work: (text: string, tally: Tally) => Promise<unknown>): Promise<T> {
    return this.#run(operation, 1, async (tally) => {
      const text = encodeKey(key);
      try {
        return await work(text, tally);
      } catch (error) {
        throw this.#events.forCaller(error, tally, () => text);
      }
    });
  }

  #set(pairs: readonly (readonly [key: string, value: unknown])[], options: SetOptions | undefined): Promise<void> {
    const values = new Map(pairs.map(([key, value]) => [key, this.#snapshot(key, value)]));
    return this.#writes.set(values, checkFixedTtl(this.#call(options)));
  }

  #snapshot(key: string, value: unknown): Snapshot {
    const { maxValueBytes = Number.POSITIVE_INFINITY } = this.#backend.capabilities;
    if (value !== undefined) return snapshot(value, maxValueBytes);
    throw refusal('INVALID_VALUE', 'cannot store $: undefined, which means a miss', key);
  }

  #keys(keys: readonly Key[]): string[] {
    return Array.from(checkKeys(keys), encodeKey);
  }

  #call(options: CallOptions | undefined): Call {
    return options === undefined ? this.#defaultCall : checkCall(options, this.#ttl);
  }
}

/** Keys that are no array, or cannot be read, are rejected later. */
function lengthOf(keys: readonly unknown[]): number {
  try {
    return Array.isArray(keys) ? keys.length : 0;
  } catch {
    return 0;
  }
}

function listOf<T>(pairs: Iterable<T>): T[] | undefined {
  try {
    return [...pairs];
  } catch {
    return undefined;
  }
}
