import {
  type Awaitable,
  type CacheDriver,
  type Call,
  type Capabilities,
  DriverError,
  type Found,
  type Stored,
  sendParts,
} from '@ninefold/core';

/** What is needed of a store of Keyv, without what Keyv itself puts around it. */
export interface KeyvStore {
  get(key: string): unknown;
  getMany?(keys: string[]): unknown;
  set(key: string, value: string, ttlMs?: number): unknown;
  delete(key: string): unknown;
}

export const keyvCapabilities: Capabilities = Object.freeze({
  shared: true,
  atomicIncr: false,
  ttlGranularity: 0.001,
  maxValueBytes: undefined,
});

/**
 * Texts in a store of Keyv. Some stores have no TTL of their own, so each text begins with the time at which it expires,
 * in milliseconds since 1970, or nothing, and a `|`.
 */
export class KeyvDriver implements CacheDriver {
  readonly name = 'keyv';
  readonly capabilities: Capabilities = keyvCapabilities;
  readonly #store: KeyvStore;

  constructor(store: KeyvStore) {
    this.#store = store;
  }

  async get(key: string, call: Call): Promise<Found> {
    return found(await ask(call, () => this.#store.get(key)));
  }

  async getMany(keys: readonly string[], call: Call): Promise<readonly Found[]> {
    if (this.#store.getMany === undefined) return await sendParts(keys, itself, (key) => this.get(key, call));
    const answer = await ask(call, () => this.#store.getMany?.([...keys]));
    if (!Array.isArray(answer)) throw new DriverError('BACKEND', 'the store answered what is no list');
    return answer.map(found);
  }

  async setMany(
    entries: readonly (readonly [key: string, value: Stored])[],
    ttl: number | undefined,
    call: Call,
  ): Promise<void> {
    const ttlMs = ttl === undefined ? undefined : Math.ceil(ttl * 1000);
    const expires = ttlMs === undefined ? '' : Date.now() + ttlMs;
    await sendParts(
      entries,
      ([key]) => key,
      async ([key, value]) => {
        const stored = await ask(call, () => this.#store.set(key, `${expires}|${value}`, ttlMs));
        // What Keyv's own stores answer for a write that failed.
        if (stored === false) throw new DriverError('BACKEND', 'the store did not take the entry');
      },
    );
  }

  async exists(key: string, call: Call): Promise<boolean> {
    return (await this.get(key, call)) !== undefined;
  }

  async deleteMany(keys: readonly string[], call: Call): Promise<number> {
    const deleted = await sendParts(keys, itself, async (key) => {
      // A store without TTLs holds what has expired, and deletes it as if it were there.
      const there = await this.exists(key, call);
      return (await ask(call, () => this.#store.delete(key))) === true && there;
    });
    return deleted.filter(Boolean).length;
  }

  incr(): never {
    throw new DriverError('UNSUPPORTED', 'a store of Keyv cannot increment atomically', { applied: 'no' });
  }

  close(): void {
    // The store is its owner's to close.
  }
}

function itself(key: string): string {
  return key;
}

async function ask(call: Call, request: () => Awaitable<unknown>): Promise<unknown> {
  if (call.ended) return undefined;
  try {
    return await request();
  } catch (error) {
    throw new DriverError('UNAVAILABLE', 'the store failed', {
      cause: { name: error instanceof Error ? error.name : typeof error },
    });
  }
}

function found(stored: unknown): Found {
  if (stored === undefined || stored === null) return undefined;
  if (typeof stored !== 'string') return null;
  const bar = stored.indexOf('|');
  if (bar === -1 || !/^\d*$/.test(stored.slice(0, bar))) return null;
  if (bar > 0 && Number(stored.slice(0, bar)) <= Date.now()) return undefined;
  return stored.slice(bar + 1);
}
