import { DriverError, isDriverError } from './driver.ts';

export interface PartLimits<T> {
  /** Items of one part. */
  readonly mostItems: number;
  /** Bytes of one part; an item that has more is a part of its own. Default: no limit. */
  readonly mostBytes?: number | undefined;
  /** UTF-8 bytes of an item, or a few more. */
  readonly bytesOf?: ((item: T) => number) | undefined;
}

/** For drivers: cuts a batch into consecutive parts, as few as the limits of one request allow. */
export function inParts<T>(items: readonly T[], limits: PartLimits<T>): readonly (readonly T[])[] {
  const { mostItems, mostBytes = Number.POSITIVE_INFINITY, bytesOf = () => 0 } = limits;
  if (items.length <= mostItems && items.length > 0) {
    // Nearly every batch fits as it is, and need not be copied.
    let all = 0;
    for (const item of items) all += bytesOf(item);
    if (all <= mostBytes) return [items];
  }
  const parts: T[][] = [];
  let bytes = 0;
  for (const item of items) {
    const own = bytesOf(item);
    const last = parts.at(-1);
    if (last === undefined || last.length >= mostItems || bytes + own > mostBytes) {
      parts.push([item]);
      bytes = own;
    } else {
      last.push(item);
      bytes += own;
    }
  }
  return parts;
}

/**
 * For drivers: sends every part of a batch side by side and waits for all of them. If any failed it rejects with the
 * first failure in order, which names the first key of its part unless it names one itself.
 */
export async function sendParts<P, T>(
  parts: readonly P[],
  firstKey: (part: P) => string | undefined,
  send: (part: P) => Promise<T>,
): Promise<T[]> {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) {
    try {
      return [await send(only)];
    } catch (error) {
      throw underKey(error, firstKey(only));
    }
  }
  const settled = await Promise.allSettled(parts.map(send));
  return settled.map((outcome, index) => {
    if (outcome.status === 'fulfilled') return outcome.value;
    throw underKey(outcome.reason, firstKey(parts[index] as P));
  });
}

function underKey(error: unknown, key: string | undefined): unknown {
  if (!isDriverError(error) || error.options.key !== undefined) return error;
  return new DriverError(error.code, error.message, { ...error.options, key });
}
