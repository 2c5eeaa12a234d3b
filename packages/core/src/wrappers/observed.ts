import type { CacheBackend, Operation } from '../backend.ts';
import { checkBackend, invalidOptions } from '../options.ts';
import { raise } from './raise.ts';
import { wrap } from './wrap.ts';

/** The event of one settled call. */
export interface CacheEvent {
  readonly backend: string;
  readonly operation: Operation;
  /** The number of keys that the caller passed. For `multiSetValues` 0 if it was refused before its pairs were read. */
  readonly keys: number;
  /** For reads and `exists`, the keys found; for deletes, the entries removed. Otherwise, and on error, `undefined`. */
  readonly hits: number | undefined;
  /** Milliseconds from the call until it settled. */
  readonly durationMs: number;
  /** The error that the call rejected with, a `CacheError`; `undefined` if it succeeded. */
  readonly error: unknown;
}

export type CacheListener = (event: CacheEvent) => void;

/**
 * Calls `listener` with one event for each settled call. Without a listener it returns the backend itself. If the
 * listener throws, that is an uncaught exception and does not affect the call. Throws `INVALID_OPTIONS`.
 */
export function observed(backend: CacheBackend, listener: CacheListener | undefined): CacheBackend {
  checkBackend(backend);
  if (listener === undefined) return backend;
  if (typeof listener !== 'function') throw invalidOptions(backend.name, undefined, 'listener must be a function');
  return wrap(backend, async (call) => {
    const { operation, run } = call;
    const start = performance.now();
    let hits: number | undefined;
    let error: unknown;
    try {
      const result = await run();
      hits = hitsOf(operation, result);
      return result;
    } catch (thrown) {
      error = thrown;
      throw thrown;
    } finally {
      const durationMs = performance.now() - start;
      raise(() => listener({ backend: backend.name, operation, keys: call.keys, hits, durationMs, error }));
    }
  });
}

function hitsOf(operation: Operation, result: unknown): number | undefined {
  switch (operation) {
    case 'getValue':
      return result === undefined ? 0 : 1;
    case 'multiGetValues':
      return (result as readonly unknown[]).filter((value) => value !== undefined).length;
    case 'exists':
    case 'delete':
    case 'deleteMany':
      return Number(result);
    default:
      return undefined;
  }
}
