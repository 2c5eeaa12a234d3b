/** A value is large if its text has more UTF-16 code units than this. */
const LARGE_LENGTH = 100_000;
/** The maximum number of keys remembered; the oldest is dropped first. */
const MAX_LARGE_KEYS = 1000;

/** Remembers keys with large values. These are better read alone, so that they do not delay other reads of a request. */
export class LargeKeys {
  readonly #keys = new Set<string>();

  has(key: string): boolean {
    return this.#keys.size > 0 && this.#keys.has(key);
  }

  /** Records whether the value read under a key is large. */
  weigh(key: string, value: unknown): void {
    const isLarge = typeof value === 'string' && value.length > LARGE_LENGTH;
    if (!isLarge && this.#keys.size === 0) return;
    this.#keys.delete(key);
    if (!isLarge) return;
    this.#keys.add(key);
    const [oldest] = this.#keys;
    if (this.#keys.size > MAX_LARGE_KEYS && oldest !== undefined) this.#keys.delete(oldest);
  }
}
