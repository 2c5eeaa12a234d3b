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

/** The single-key operations of a backend, each noted into `history`. A definite failure did not happen and is not noted. */
export interface Recorder {
  get(key: string): Promise<void>;
  set(key: string, value: unknown): Promise<void>;
  exists(key: string): Promise<void>;
  delete(key: string): Promise<void>;
  incr(key: string, delta: number): Promise<void>;
}

/** `now`: milliseconds on a clock that never goes back and that all processes of the machine share. */
export function recorder(backend: CacheBackend, history: Happening[], now: () => number): Recorder {
  async function note(
    happening: Pick<Happening, 'kind' | 'key' | 'input'>,
    call: () => Promise<unknown>,
  ): Promise<void> {
    const start = now();
    try {
      const result = await call();
      history.push({ ...happening, start, end: now(), result: result ?? null });
    } catch (error) {
      if (!isCacheError(error)) throw error;
      if (error.maybeApplied) history.push({ ...happening, start, end: null });
    }
  }
  return {
    get: (key) => note({ kind: 'get', key }, () => backend.getValue(key)),
    set: (key, value) => note({ kind: 'set', key, input: value }, () => backend.setValue(key, value)),
    exists: (key) => note({ kind: 'exists', key }, () => backend.exists(key)),
    delete: (key) => note({ kind: 'delete', key }, () => backend.delete(key)),
    incr: (key, delta) => note({ kind: 'incr', key, input: delta }, () => backend.incr(key, delta)),
  };
}
