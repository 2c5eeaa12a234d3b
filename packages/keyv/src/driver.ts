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

/** The methods used of a Keyv store adapter. The backend talks to it directly, without Keyv's own wrapper. */
export interface KeyvStore {
  get(key: string): unknown;
  getMany?(keys: string[]): unknown;
  /** The third argument is a TTL in milliseconds, or the time of expiry in milliseconds since 1970: see `capabilities`. */
  set(key: string, value: string, ttlOrExpiry?: number): unknown;
  delete(key: string): unknown;
  /** An adapter of Keyv 6 has `expires: true`: its `set` takes a time of expiry, not a TTL. */
  readonly capabilities?: { readonly expires?: boolean | undefined } | undefined;
}

/** `shared`: of a server's store; a `Map` is private to its process. */
export const keyvCapabilities: Capabilities = Object.freeze({
  shared: true,
  atomicIncr: false,
  ttlGranularity: 0.001,
  maxValueBytes: undefined,
});

/**
 * Stores each entry as `expiry|length of the key|key|value`. The expiry is in milliseconds since 1970, or empty: some
 * stores have no TTL of their own. The key, with its length in UTF-16 code units, detects a store whose connection is
 * out of step and which answers with the entry of another key.
 */
export class KeyvDriver implements CacheDriver {
  readonly name = 'keyv';
  readonly capabilities: Capabilities = keyvCapabilities;
  readonly #store: KeyvStore;
  readonly #takesExpiry: boolean;

  constructor(store: KeyvStore) {
    this.#store = store;
    this.#takesExpiry = store.capabilities?.expires === true;
  }

  async get(key: string, call: Call): Promise<Found> {
    return decode(key, await request(call, () => this.#store.get(key)));
  }

  async getMany(keys: readonly string[], call: Call): Promise<readonly Found[]> {
    if (this.#store.getMany === undefined) return await sendParts(keys, (key) => this.get(key, call));
    const [values] = await sendParts([keys], async () => {
      const answer = await request(call, () => this.#store.getMany?.([...keys]));
      if (Array.isArray(answer) && answer.length === keys.length) return answer as readonly unknown[];
      throw new DriverError('BACKEND', 'the store did not answer with one value per key');
    });
    return keys.map((key, index) => decode(key, values?.[index]));
  }

  async setMany(
    entries: readonly (readonly [key: string, value: Stored])[],
    ttl: number | undefined,
    call: Call,
  ): Promise<void> {
    const ttlMs = ttl === undefined ? undefined : Math.ceil(ttl * 1000);
    const expires = ttlMs === undefined ? undefined : Date.now() + ttlMs;
    // A millisecond more, because up to one of the present millisecond has passed. Reads check the exact expiry.
    const limit = this.#takesExpiry && expires !== undefined ? expires + 1 : ttlMs;
    await sendParts(entries, async ([key, value]) => {
      const text = `${expires ?? ''}|${keyHeader(key)}${value}`;
      const stored = await request(call, () => this.#store.set(key, text, limit));
      // Keyv's own stores resolve `false` if a write failed.
      if (stored === false) throw new DriverError('BACKEND', 'the store did not take the entry');
    });
  }

  async exists(key: string, call: Call): Promise<boolean> {
    return (await this.get(key, call)) !== undefined;
  }

  async deleteMany(keys: readonly string[], call: Call): Promise<number> {
    call.sent = false;
    const deleted = await sendParts(keys, async (key) => {
      // A store without TTLs still holds expired entries, and deletes them as if they were alive. For any other entry
      // the answer to the delete counts: the entry may have been set or deleted since the read.
      const stored = (await request(call, () => this.#store.get(key))) ?? undefined;
      const expired = stored !== undefined && decode(key, stored) === undefined;
      call.sent = true;
      return (await request(call, () => this.#store.delete(key))) === true && !expired;
    });
    return deleted.filter(Boolean).length;
  }

  incr(): never {
    throw new DriverError('UNSUPPORTED', 'a store of Keyv cannot increment atomically', { applied: 'no' });
  }

  close(): void {
    // The caller closes the store.
  }
}

async function request(call: Call, send: () => Awaitable<unknown>): Promise<unknown> {
  if (call.ended) return undefined;
  try {
    return await send();
  } catch (error) {
    throw new DriverError('UNAVAILABLE', 'the store failed', {
      cause: { name: error instanceof Error ? error.name : typeof error },
    });
  }
}

function decode(key: string, stored: unknown): Found {
  if (stored === undefined || stored === null) return undefined;
  const headerStart = typeof stored === 'string' ? /^\d*\|/.exec(stored)?.[0].length : undefined;
  if (typeof stored !== 'string' || headerStart === undefined) return null;
  const header = keyHeader(key);
  if (!stored.startsWith(header, headerStart))
    throw new DriverError('BACKEND', 'the store answered with the entry of another key', { key, retryable: true });
  // Strictly less: the clock has whole milliseconds, so up to one may have passed before the entry was stored.
  if (headerStart > 1 && Number(stored.slice(0, headerStart - 1)) < Date.now()) return undefined;
  return stored.slice(headerStart + header.length);
}

function keyHeader(key: string): string {
  return `${key.length}|${key}|`;
}
