import type { CacheBackend } from '@ninefold/core';
import type { Recipe } from './recipe.ts';

/** The task of one of several processes: the backends of the cache and of the truth, and how long to run. */
export interface Task {
  readonly recipe: Recipe;
  readonly truth: Recipe;
  readonly milliseconds: number;
  /** Wrong on purpose: deletes do not bump the epoch. */
  readonly wrong?: boolean;
}

/** Keys by the tag that they are stored with. */
export const groups: ReadonlyMap<string, readonly string[]> = new Map(
  ['a', 'b', 'c', 'd'].map((tag) => [tag, Array.from({ length: 5 }, (_, index) => `${tag}${index}`)]),
);

export interface Version {
  readonly version: number;
  /** The process that loaded or set it. */
  readonly by: number;
}

/** The versions that cached values are made from, on a server of their own without faults. */
export class Truth {
  readonly #backend: CacheBackend;

  constructor(backend: CacheBackend) {
    this.#backend = backend;
  }

  /** The version of a key at this moment. */
  async version(key: string): Promise<number> {
    return (await this.#backend.getValue<number>(`version ${key}`)) ?? 0;
  }

  async renew(key: string): Promise<number> {
    return await this.#backend.incr(`version ${key}`);
  }

  /** From now on no reader may get an older version. */
  async outdate(versions: ReadonlyMap<string, number>): Promise<void> {
    await this.#backend.multiSetValues(Array.from(versions, ([key, version]) => [`oldest ${key}`, version] as const));
  }

  /** The oldest versions that a read from now on may get. */
  async oldest(keys: readonly string[]): Promise<number[]> {
    const oldest = await this.#backend.multiGetValues<number>(keys.map((key) => `oldest ${key}`));
    return oldest.map((version) => version ?? 0);
  }

  close(): Promise<void> {
    return this.#backend.close();
  }
}
