import type { CacheBackend } from '@ninefold/core';
import type { Recipe } from './recipe.ts';

/** What one of several processes is told: where the cache lies, where the truth, and for how long to go on. */
export interface Task {
  readonly recipe: Recipe;
  readonly truth: Recipe;
  readonly milliseconds: number;
  /** Wrong on purpose: deletes without bumping what fences the key. */
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

/** What the cached values are made of, on a server of its own that no fault befalls. */
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

  /** From here on no reader may get a version below. */
  async outdate(versions: ReadonlyMap<string, number>): Promise<void> {
    await this.#backend.multiSetValues(Array.from(versions, ([key, version]) => [`oldest ${key}`, version] as const));
  }

  /** The oldest versions that whoever reads from here on may get. */
  async oldest(keys: readonly string[]): Promise<number[]> {
    const oldest = await this.#backend.multiGetValues<number>(keys.map((key) => `oldest ${key}`));
    return oldest.map((version) => version ?? 0);
  }

  close(): Promise<void> {
    return this.#backend.close();
  }
}
