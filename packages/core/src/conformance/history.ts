import type { CacheBackend } from '../backend.ts';
import { isCacheError } from '../errors.ts';

/** One operation on one key, with when it was called and when it ended, on a clock that all who take part share. */
export interface Happening {
  readonly kind: 'get' | 'set' | 'exists' | 'delete' | 'incr';
  readonly key: string;
  /** What a set stores, or what an incr adds. */
  readonly input?: unknown;
  readonly start: number;
  /** `null` for what may still happen at any later time. */
  readonly end: number | null;
  /** What came; absent where nobody knows. */
  readonly result?: unknown;
}

/**
 * Operations of a backend, each noted into `history`; a batch is noted key by key, and its keys differ. A definite
 * failure did not happen and is not noted.
 */
export interface Recorder {
  get(key: string): Promise<void>;
  set(key: string, value: unknown): Promise<void>;
  exists(key: string): Promise<void>;
  delete(key: string): Promise<void>;
  incr(key: string, delta: number): Promise<void>;
  multiGet(keys: readonly string[]): Promise<void>;
  multiSet(pairs: readonly (readonly [key: string, value: unknown])[]): Promise<void>;
  /** Of one key: of several nobody knows which were counted. */
  deleteMany(key: string): Promise<void>;
}

type Call = Pick<Happening, 'kind' | 'key' | 'input'>;

/** `now`: milliseconds on a clock that never goes back and that all processes of the machine share. */
export function recorder(backend: CacheBackend, history: Happening[], now: () => number): Recorder {
  async function noteAll(calls: readonly Call[], call: () => Promise<readonly unknown[] | undefined>): Promise<void> {
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
  const note = (call: Call, run: () => Promise<unknown>): Promise<void> => noteAll([call], async () => [await run()]);
  return {
    get: (key) => note({ kind: 'get', key }, () => backend.getValue(key)),
    set: (key, value) => note({ kind: 'set', key, input: value }, () => backend.setValue(key, value)),
    exists: (key) => note({ kind: 'exists', key }, () => backend.exists(key)),
    delete: (key) => note({ kind: 'delete', key }, () => backend.delete(key)),
    incr: (key, delta) => note({ kind: 'incr', key, input: delta }, () => backend.incr(key, delta)),
    multiGet: (keys) =>
      noteAll(
        keys.map((key) => ({ kind: 'get', key })),
        () => backend.multiGetValues(keys),
      ),
    multiSet: (pairs) =>
      noteAll(
        pairs.map(([key, input]) => ({ kind: 'set', key, input })),
        async () => void (await backend.multiSetValues(pairs)),
      ),
    deleteMany: (key) => note({ kind: 'delete', key }, () => backend.deleteMany([key])),
  };
}
