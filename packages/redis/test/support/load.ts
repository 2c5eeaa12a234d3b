import { setTimeout as sleep } from 'node:timers/promises';
import { type CacheBackend, type CacheError, isCacheError } from '@ninefold/core';
import { until } from '@ninefold/tooling/servers/until';

/** Milliseconds within which every call settles: far beyond any deadline here, to allow for a busy machine. */
const CAP_MS = 10_000;
/** Milliseconds for a backend to work again: the contract says 2,000, but a busy machine may take longer. */
const RECOVERY_MS = 6000;

export interface Ended {
  /** Increments that were answered, by counter. */
  readonly counted: ReadonlyMap<string, number>;
  /** Failed increments that may have counted all the same, by counter. */
  readonly unknown: ReadonlyMap<string, number>;
  readonly failures: readonly CacheError[];
}

/** A load of increments and reads from several callers, until it is stopped. */
export class Load {
  readonly #counted = new Map<string, number>();
  readonly #unknown = new Map<string, number>();
  readonly #failures: CacheError[] = [];
  readonly #counters: readonly string[];
  readonly #callers: readonly Promise<void>[];
  readonly #mayGoBack: boolean;
  #stopped = false;

  /** `mayGoBack`: counters may decrease, because a failover may lose acknowledged increments that were not yet replicated. */
  constructor(backend: CacheBackend, counters: readonly string[], { mayGoBack = false } = {}) {
    this.#mayGoBack = mayGoBack;
    this.#counters = counters;
    this.#callers = counters.map((counter) => this.#call(backend, counter));
    for (const caller of this.#callers) caller.catch(() => undefined);
  }

  /** Resolves once every counter has increased again, so that the next fault happens under load; rejects as `stop` does. */
  async counts(): Promise<void> {
    const before = new Map(this.#counted);
    const goesOn = (counter: string): boolean => (this.#counted.get(counter) ?? 0) > (before.get(counter) ?? 0);
    const counted = until('every counter counts', async () => this.#counters.every(goesOn));
    await Promise.race([counted, Promise.all(this.#callers)]);
  }

  /** Rejects if a call hung, returned an impossible value, or failed with anything but a `CacheError`. */
  async stop(): Promise<Ended> {
    this.#stopped = true;
    await Promise.all(this.#callers);
    return { counted: this.#counted, unknown: this.#unknown, failures: this.#failures };
  }

  async #call(backend: CacheBackend, counter: string): Promise<void> {
    let last = 0;
    while (!this.#stopped) {
      const value = await this.#note(counter, backend.incr(counter));
      if (value !== undefined && value <= last && !this.#mayGoBack)
        throw new Error(`${counter} went back from ${last} to ${value}`);
      last = value ?? last;
      const read = await this.#note(undefined, backend.getValue<number>(counter));
      if (read !== undefined && read < last && !this.#mayGoBack)
        throw new Error(`${counter} was ${last} and read as ${read}`);
      // Without a pause, callers would spin while a server refuses at once.
      await sleep(2);
    }
  }

  async #note(counter: string | undefined, call: Promise<number | undefined>): Promise<number | undefined> {
    try {
      const value = await settled(call);
      if (counter !== undefined) add(this.#counted, counter);
      return value;
    } catch (error) {
      if (!isCacheError(error)) throw error;
      this.#failures.push(error);
      if (counter !== undefined && error.maybeApplied) add(this.#unknown, counter);
      return undefined;
    }
  }
}

function add(counts: Map<string, number>, counter: string): void {
  counts.set(counter, (counts.get(counter) ?? 0) + 1);
}

/** The outcome of a call, which must not hang. */
export async function settled<T>(call: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const cap = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`a call was pending for ${CAP_MS} ms`)), CAP_MS);
  });
  return await Promise.race([call, cap]).finally(() => clearTimeout(timer));
}

/** Resolves once the backend reads `key` again. */
export async function recovered(backend: CacheBackend, key: string): Promise<void> {
  const isBack = (): Promise<boolean> =>
    settled(backend.getValue(key)).then(
      () => true,
      (error: unknown) => {
        if (isCacheError(error) && error.retryable) return false;
        throw error;
      },
    );
  await until('the backend works again', isBack, RECOVERY_MS);
}

/** The counters above the sum of acknowledged and unknown increments: none, if each call counted at most once. */
export async function overcounted(ended: Ended, backend: CacheBackend, start: number = 0): Promise<string[]> {
  return await outside(ended, backend, (value, _least, most) => value > start + most);
}

/** The counters that counted too often, or have lost acknowledged increments. */
export async function miscounted(ended: Ended, backend: CacheBackend): Promise<string[]> {
  return await outside(ended, backend, (value, least, most) => value < least || value > most);
}

async function outside(
  { counted, unknown }: Ended,
  backend: CacheBackend,
  isWrong: (value: number, least: number, most: number) => boolean,
): Promise<string[]> {
  const counters = [...new Set([...counted.keys(), ...unknown.keys()])];
  const values = await backend.multiGetValues<number>(counters);
  return counters.filter((counter, index) => {
    const least = counted.get(counter) ?? 0;
    return isWrong(values[index] ?? 0, least, least + (unknown.get(counter) ?? 0));
  });
}
