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
 * Texts in a store of Keyv. Some stores have no TTL of their own, and one whose connection is out of step answers with the
 * entry of another key: so each text is the time at which it expires, in milliseconds since 1970, or nothing, then its key
 * after the number of its UTF-16 units, then what is stored, with a `|` between them.
 */
export class KeyvDriver implements CacheDriver {
  readonly name = 'keyv';
  readonly capabilities: Capabilities = keyvCapabilities;
  readonly #store: KeyvStore;

  constructor(store: KeyvStore) {
    this.#store = store;
  }

  async get(key: string, call: Call): Promise<Found> {
    return found(key, await ask(call, () => this.#store.get(key)));
  }

  async getMany(keys: readonly string[], call: Call): Promise<readonly Found[]> {
    if (this.#store.getMany === undefined) return await sendParts(keys, itself, (key) => this.get(key, call));
    const [values] = await sendParts([keys], first, async () => {
      const answer = await ask(call, () => this.#store.getMany?.([...keys]));
      if (Array.isArray(answer) && answer.length === keys.length) return answer as readonly unknown[];
      throw new DriverError('BACKEND', 'the store answered what are no values of the keys');
    });
    return keys.map((key, index) => found(key, values?.[index]));
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
        const stored = await ask(call, () => this.#store.set(key, `${expires}|${nameOf(key)}${value}`, ttlMs));
        // What Keyv's own stores answer for a write that failed.
        if (stored === false) throw new DriverError('BACKEND', 'the store did not take the entry');
      },
    );
  }

  async exists(key: string, call: Call): Promise<boolean> {
    return (await this.get(key, call)) !== undefined;
  }

  async deleteMany(keys: readonly string[], call: Call): Promise<number> {
    call.sent = false;
    const deleted = await sendParts(keys, itself, async (key) => {
      // A store without TTLs holds what has expired, and deletes it as if it were there. Of anything else the store knows
      // best: it may have been set or deleted since it was read.
      const stored = (await ask(call, () => this.#store.get(key))) ?? undefined;
      const expired = stored !== undefined && found(key, stored) === undefined;
      call.sent = true;
      return (await ask(call, () => this.#store.delete(key))) === true && !expired;
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

function first(keys: readonly string[]): string | undefined {
  return keys[0];
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

function found(key: string, stored: unknown): Found {
  if (stored === undefined || stored === null) return undefined;
  const bar = typeof stored === 'string' ? /^\d*\|/.exec(stored)?.[0].length : undefined;
  if (typeof stored !== 'string' || bar === undefined) return null;
  const name = nameOf(key);
  if (!stored.startsWith(name, bar))
    throw new DriverError('BACKEND', 'the store answered with the entry of another key', { key, retryable: true });
  // The clock shows whole milliseconds, of which a part was over when the entry was stored.
  if (bar > 1 && Number(stored.slice(0, bar - 1)) < Date.now()) return undefined;
  return stored.slice(bar + name.length);
}

function nameOf(key: string): string {
  return `${key.length}|${key}|`;
}
