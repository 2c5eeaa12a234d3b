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
