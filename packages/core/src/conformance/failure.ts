import type { CacheBackend } from '../backend.ts';
import type { CacheError, CacheErrorCode } from '../errors.ts';
import { invalidKey } from '../keys.ts';
import { show } from './transcript.ts';

/** A call that a rule made. */
export interface RecordedCall {
  readonly backend: CacheBackend;
  readonly operation: string;
  readonly args: readonly unknown[];
  /** Whether the backend has the option `errorKeys: 'hidden'`. */
  readonly keysHidden: boolean;
}

const READS: readonly string[] = ['getValue', 'multiGetValues', 'exists'];
const BATCHES: readonly string[] = ['multiGetValues', 'multiSetValues', 'deleteMany'];
const RETRYABLE: readonly CacheErrorCode[] = ['TIMEOUT', 'UNAVAILABLE'];
const OF_ONE_ITEM: readonly CacheErrorCode[] = ['INVALID_VALUE', 'TYPE_MISMATCH', 'CORRUPT', 'TOO_LARGE'];

/** The first property of an error that its call or code requires and it lacks, in words; `undefined` if none. */
export function missingFrom(error: CacheError, recorded: RecordedCall): string | undefined {
  const { backend, operation } = recorded;
  const { code, key } = error;
  if (!(error instanceof Error) || error.name !== 'CacheError') return 'an Error named CacheError';
  if (error.backend !== backend.name)
    return `${code} to name the backend '${backend.name}', got ${show(error.backend)}`;
  if (error.operation !== operation) return `${code} to name the operation ${operation}, got ${show(error.operation)}`;
  if (!error.message.startsWith(`[${backend.name}] ${operation}`))
    return `the message to begin with [${backend.name}] ${operation}, got ${show(error.message)}`;
  const retryable = RETRYABLE.includes(code);
  if (code !== 'BACKEND' && error.retryable !== retryable) return `${code} ${retryable ? '' : 'not '}to be retryable`;
  const unapplied = READS.includes(operation) || code.startsWith('INVALID_') || code === 'UNSUPPORTED';
  if (typeof error.maybeApplied !== 'boolean' || (unapplied && error.maybeApplied))
    return `${code} of ${operation} to report maybeApplied: false`;
  if (!keysOf(recorded, code).includes(key)) return `${code} to name its key, got ${show(key)}`;
  return undefined;
}

/** The values that the error's `key` may have; `undefined` is among them if the error need not name a key. */
function keysOf({ operation, args: [first], keysHidden }: RecordedCall, code: CacheErrorCode): readonly unknown[] {
  if (keysHidden) return [undefined];
  // `CLOSED` is not about a key, and may or may not name it.
  if (code === 'CLOSED') return [undefined, first];
  if (!BATCHES.includes(operation)) return [typeof first === 'string' ? first : undefined];
  // Any other iterable of pairs has been consumed.
  const walkable = Array.isArray(first) || first instanceof Map;
  const items: readonly unknown[] = walkable ? [...first] : [];
  const failed = code === 'INVALID_KEY' ? items.filter((item) => isInvalid(item, operation)) : items;
  const keys = failed.map(keyOf).filter((key) => typeof key === 'string');
  return walkable && OF_ONE_ITEM.includes(code) ? keys : [...keys, undefined];
}

const keyOf = (item: unknown): unknown => (Array.isArray(item) ? item[0] : item);

/** Whether an item of a batch has an invalid key, or is no pair where it should be. */
function isInvalid(item: unknown, operation: string): boolean {
  const isPair = Array.isArray(item) && item.length === 2;
  return invalidKey(keyOf(item)) !== undefined || (operation === 'multiSetValues' && !isPair);
}

/**
 * All text that printing an error could show: its message, JSON and properties, and those of its causes, except
 * `issues`.
 */
export function allTextOf(error: unknown, depth = 0): string {
  if (typeof error !== 'object' || error === null || depth > 4) return String(error);
  const names = Reflect.ownKeys(error).filter((name) => name !== 'issues');
  const texts = names.map((name) => allTextOf(Reflect.get(error, name), depth + 1));
  return [String(error), JSON.stringify(error), ...texts].join('\n');
}
