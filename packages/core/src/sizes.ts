import { type Call, DriverError, type Stored } from './driver.ts';
import { utf8Bytes } from './keys.ts';

/**
 * For drivers: throws `TOO_LARGE` for the first text of more than `maxBytes` UTF-8 bytes. To be called before anything
 * is sent. `undefined` means no limit.
 */
export function assertSizes(
  entries: readonly (readonly [key: string, value: Stored])[],
  maxBytes: number | undefined,
  call: Pick<Call, 'sent'>,
): void {
  if (maxBytes === undefined) return;
  for (const [key, value] of entries) {
    // A UTF-16 code unit takes one to three bytes in UTF-8, so only long texts need counting.
    if (typeof value === 'number' || value.length * 3 <= maxBytes || utf8Bytes(value) <= maxBytes) continue;
    call.sent = false;
    throw new DriverError('TOO_LARGE', `the value takes more than ${maxBytes} bytes`, { applied: 'no', key });
  }
}

/** A value is large if its text has more UTF-16 code units than this. */
const LARGE_LENGTH = 100_000;
/** The maximum number of keys remembered; the oldest is dropped first. */
const MAX_LARGE_KEYS = 1000;

/**
 * For drivers that coalesce reads into batches: remembers keys with large values. These are better read alone, so that
 * they do not delay other reads of the batch.
 */
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
