import type { CacheBackend } from '../backend.ts';
import { isCacheError } from '../errors.ts';

/** One operation on one key, with its start and end on a clock that all participants share. */
export interface Happening {
  readonly kind: 'get' | 'set' | 'exists' | 'delete' | 'incr';
  readonly key: string;
  /** The value of a set, or the delta of an incr. */
  readonly input?: unknown;
  readonly start: number;
  /** `null` if the operation may still take effect at any later time. */
  readonly end: number | null;
  /** The result of the operation; absent if unknown. */
  readonly result?: unknown;
}

/**
 * Calls a backend and records each operation in `history`. A batch, whose keys must be distinct, is recorded key by
 * key. A failure that certainly was not applied is not recorded.
 */
export interface Recorder {
  get(key: string): Promise<void>;
  set(key: string, value: unknown): Promise<void>;
  exists(key: string): Promise<void>;
  delete(key: string): Promise<void>;
  incr(key: string, delta: number): Promise<void>;
  multiGet(keys: readonly string[]): Promise<void>;
  multiSet(pairs: readonly (readonly [key: string, value: unknown])[]): Promise<void>;
  /** Takes one key only: the count of several would not say which of them were deleted. */
  deleteMany(key: string): Promise<void>;
}

type Call = Pick<Happening, 'kind' | 'key' | 'input'>;

/** `now` returns milliseconds on a monotonic clock that all processes of the machine share. */
export function recorder(backend: CacheBackend, history: Happening[], now: () => number): Recorder {
  async function recordAll(calls: readonly Call[], call: () => Promise<readonly unknown[] | undefined>): Promise<void> {
    const start = now();
    try {
      const results = await call();
      const end = now();
      calls.forEach((each, index) => {
        history.push({ ...each, start, end, result: results?.[index] ?? null });
      });
    } catch (error) {
      if (!isCacheError(error)) throw error;
      if (error.maybeApplied) for (const each of calls) history.push({ ...each, start, end: null });
    }
  }
  const record = (call: Call, run: () => Promise<unknown>): Promise<void> =>
    recordAll([call], async () => [await run()]);
  return {
    get: (key) => record({ kind: 'get', key }, () => backend.getValue(key)),
    set: (key, value) => record({ kind: 'set', key, input: value }, () => backend.setValue(key, value)),
    exists: (key) => record({ kind: 'exists', key }, () => backend.exists(key)),
    delete: (key) => record({ kind: 'delete', key }, () => backend.delete(key)),
    incr: (key, delta) => record({ kind: 'incr', key, input: delta }, () => backend.incr(key, delta)),
    multiGet: (keys) =>
      recordAll(
        keys.map((key) => ({ kind: 'get', key })),
        () => backend.multiGetValues(keys),
      ),
    multiSet: (pairs) =>
      recordAll(
        pairs.map(([key, input]) => ({ kind: 'set', key, input })),
        async () => void (await backend.multiSetValues(pairs)),
      ),
    deleteMany: (key) => record({ kind: 'delete', key }, () => backend.deleteMany([key])),
  };
}
