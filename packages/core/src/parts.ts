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
  const parts: (readonly T[])[] = [];
  let from = 0;
  let bytes = 0;
  items.forEach((item, at) => {
    const own = bytesOf(item);
    if (at > from && (at - from >= mostItems || bytes + own > mostBytes)) {
      parts.push(items.slice(from, at));
      from = at;
      bytes = 0;
    }
    bytes += own;
  });
  if (items.length === 0) return parts;
  // Nearly every batch fits as it is, and need not be copied.
  return [...parts, from === 0 ? items : items.slice(from)];
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
  // Nearly every batch: a list of outcomes takes a fiftieth of a round trip on one machine.
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
