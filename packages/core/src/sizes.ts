import { type Call, DriverError, type Stored } from './driver.ts';
import { utf8Bytes } from './keys.ts';

/**
 * For drivers: rejects `TOO_LARGE` for the first text of more than `most` UTF-8 bytes, before anything is sent.
 * `undefined` is no limit.
 */
export function assertSizes(
  entries: readonly (readonly [key: string, value: Stored])[],
  most: number | undefined,
  call: Pick<Call, 'sent'>,
): void {
  if (most === undefined) return;
  for (const [key, value] of entries) {
    // A UTF-16 unit takes one to three bytes: only long texts need counting.
    if (typeof value === 'number' || value.length * 3 <= most || utf8Bytes(value) <= most) continue;
    call.sent = false;
    throw new DriverError('TOO_LARGE', `the value takes more than ${most} bytes`, { applied: 'no', key });
  }
}

/** UTF-16 units above which a value is large. */
const LARGE_LENGTH = 100_000;
/** How many keys are kept in mind; the longest known is forgotten first. */
const MOST_LARGE = 1000;

/**
 * For drivers that gather reads: remembers whose values are large. Those are better asked for alone, so that they do not
 * hold up their neighbours.
 */
export class LargeKeys {
  readonly #keys = new Set<string>();

  has(key: string): boolean {
    return this.#keys.size > 0 && this.#keys.has(key);
  }

  /** Takes note of what was found under a key. */
  weigh(key: string, value: unknown): void {
    const isLarge = typeof value === 'string' && value.length > LARGE_LENGTH;
    if (!isLarge && this.#keys.size === 0) return;
    this.#keys.delete(key);
    if (!isLarge) return;
    this.#keys.add(key);
    const [oldest] = this.#keys;
    if (this.#keys.size > MOST_LARGE && oldest !== undefined) this.#keys.delete(oldest);
  }
}
