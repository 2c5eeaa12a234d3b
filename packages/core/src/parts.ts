import { DriverError, isDriverError, type Stored } from './driver.ts';

export interface PartLimits<T> {
  /** The maximum number of items in a part. */
  readonly maxItems: number;
  /** The maximum size of a part, in bytes or any other unit; a larger item gets a part of its own. Default: no limit. */
  readonly maxBytes?: number | undefined;
  /** The size of an item, in the unit of `maxBytes`. */
  readonly bytesOf?: ((item: T) => number) | undefined;
}

/** For drivers: splits a batch into consecutive parts, as few as the limits of a request allow. */
export function inParts<T>(items: readonly T[], limits: PartLimits<T>): readonly (readonly T[])[] {
  const { maxItems, maxBytes = Number.POSITIVE_INFINITY, bytesOf = () => 0 } = limits;
  const parts: (readonly T[])[] = [];
  let from = 0;
  let bytes = 0;
  items.forEach((item, at) => {
    const own = bytesOf(item);
    if (at > from && (at - from >= maxItems || bytes + own > maxBytes)) {
      parts.push(items.slice(from, at));
      from = at;
      bytes = 0;
    }
    bytes += own;
  });
  if (items.length === 0) return parts;
  // Nearly every batch fits into one part and need not be copied.
  return [...parts, from === 0 ? items : items.slice(from)];
}

/** A key, an entry, or a list of either. */
type Keyed = string | readonly [key: string, value: Stored] | readonly Keyed[];

/**
 * For drivers: sends all parts of a batch concurrently and waits for all of them. If any failed, it rejects with the
 * first failure in order. An error that names no key receives the first key of its part.
 */
export async function sendParts<P extends Keyed, T>(parts: readonly P[], send: (part: P) => Promise<T>): Promise<T[]> {
  // Nearly every batch has one part. `Promise.allSettled` would add a fiftieth of a local round trip.
  if (parts.length === 1) {
    try {
      return [await send(parts[0] as P)];
    } catch (error) {
      throw underKey(error, parts[0]);
    }
  }
  const sent = parts.map((part) => sendParts([part], send));
  await Promise.allSettled(sent);
  return (await Promise.all(sent)).flat() as T[];
}

/** For drivers: the error with the first key of the part that it concerns, unless it names one. */
export function underKey(error: unknown, part: Keyed | undefined): unknown {
  if (!isDriverError(error) || error.options.key !== undefined) return error;
  return new DriverError(error.code, error.message, { ...error.options, key: [part].flat(2)[0] as string });
}
