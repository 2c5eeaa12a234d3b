import type { CacheBackend, Operation } from '../backend.ts';
import { raise } from './raise.ts';
import { type WrappedCall, Wrapper } from './wrapper.ts';

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
 * throws is raised as an uncaught error and leaves the call alone.
 */
export function observed(backend: CacheBackend, listener: CacheListener | undefined): CacheBackend {
  return listener === undefined ? backend : new ObservedBackend(backend, listener);
}

class ObservedBackend extends Wrapper {
  readonly #listener: CacheListener;

  constructor(backend: CacheBackend, listener: CacheListener) {
    super(backend);
    this.#listener = listener;
  }

  protected override rewrap(backend: CacheBackend): CacheBackend {
    return new ObservedBackend(backend, this.#listener);
  }

  protected override async around<T>(call: WrappedCall<T>): Promise<T> {
    const start = performance.now();
    try {
      const result = await call.run();
      this.#tell(call, start, hitsOf(call.operation, result), undefined);
      return result;
    } catch (error) {
      this.#tell(call, start, undefined, error);
      throw error;
    }
  }

  #tell<T>(call: WrappedCall<T>, start: number, hits: number | undefined, error: unknown): void {
    const durationMs = performance.now() - start;
    const event = { backend: this.name, operation: call.operation, keys: call.keys(), hits, durationMs, error };
    raise(() => this.#listener(event));
  }
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
