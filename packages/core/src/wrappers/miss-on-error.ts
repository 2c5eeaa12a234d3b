import type { CacheBackend } from '../backend.ts';
import { type CacheError, type CacheErrorCode, isCacheError } from '../errors.ts';
import { raise } from './raise.ts';
import { type WrappedCall, Wrapper } from './wrapper.ts';

export interface MissOnErrorOptions {
  /** Told every failure that became a miss or a write left undone. What it throws is raised as an uncaught error. */
  readonly onError: (error: CacheError) => void;
}

/** Failures of the server. The caller's own mistakes, unreadable entries and a closed backend stay errors. */
const DEGRADED: ReadonlySet<CacheErrorCode> = new Set(['TIMEOUT', 'UNAVAILABLE', 'AUTH', 'BACKEND'] as const);

/**
 * Lets the application go on when the cache cannot be asked: reads that the server fails become misses (`exists`:
 * `false`), sets resolve without having stored, each told to `onError`. `delete`, `deleteMany` and `incr` still reject,
 * because a stale entry or a wrong count is not a miss.
 */
export function missOnError(backend: CacheBackend, options: MissOnErrorOptions): CacheBackend {
  return new MissOnErrorBackend(backend, options.onError);
}

class MissOnErrorBackend extends Wrapper {
  readonly #onError: (error: CacheError) => void;

  constructor(backend: CacheBackend, onError: (error: CacheError) => void) {
    super(backend);
    this.#onError = onError;
  }

  protected override rewrap(backend: CacheBackend): CacheBackend {
    return new MissOnErrorBackend(backend, this.#onError);
  }

  protected override async around<T>(call: WrappedCall<T>): Promise<T> {
    try {
      return await call.run();
    } catch (error) {
      if (!isCacheError(error) || !DEGRADED.has(error.code) || !canDegrade(call)) throw error;
      raise(() => this.#onError(error));
      return missOf(call) as T;
    }
  }
}

function canDegrade<T>({ operation }: WrappedCall<T>): boolean {
  return operation !== 'delete' && operation !== 'deleteMany' && operation !== 'incr' && operation !== 'close';
}

function missOf<T>({ operation, keys }: WrappedCall<T>): unknown {
  if (operation === 'multiGetValues') return new Array(keys()).fill(undefined);
  return operation === 'exists' ? false : undefined;
}
