import type { CacheBackend, Operation } from '../backend.ts';
import { invalidOptions } from '../options.ts';
import { raise } from './raise.ts';
import { wrap } from './wrap.ts';

/** One call, after it has settled. */
export interface CacheEvent {
  readonly backend: string;
  readonly operation: Operation;
  /** How many keys the caller named. */
  readonly keys: number;
  /** Of reads and `exists`: how many keys there were. Of deletes: how many there were and are no more. */
  readonly hits: number | undefined;
  /** From the call to its end. */
  readonly durationMs: number;
  /** What the call rejected with, a `CacheError`; `undefined` if it succeeded. */
  readonly error: unknown;
}

export type CacheListener = (event: CacheEvent) => void;

/**
 * Tells `listener` of every call, once it has settled. Without a listener it is the backend itself. What a listener
 * throws is raised as an uncaught error and leaves the call alone. Throws `INVALID_OPTIONS`.
 */
export function observed(backend: CacheBackend, listener: CacheListener | undefined): CacheBackend {
  if (listener === undefined) return backend;
  if (typeof listener !== 'function') throw invalidOptions(backend.name, undefined, 'listener is a function');
  return wrap(backend, async (call) => {
    const { operation, run } = call;
    const start = performance.now();
    const tell = (hits: number | undefined, error: unknown): void => {
      const durationMs = performance.now() - start;
      raise(() => listener({ backend: backend.name, operation, keys: call.keys, hits, durationMs, error }));
    };
    try {
      const result = await run();
      tell(hitsOf(operation, result), undefined);
      return result;
    } catch (error) {
      tell(undefined, error);
      throw error;
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
      return result === true ? 1 : 0;
    case 'delete':
    case 'deleteMany':
      return result as number;
    default:
      return undefined;
  }
}
