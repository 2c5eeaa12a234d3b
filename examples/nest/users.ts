import { Inject, Injectable } from '@nestjs/common';
import { type Cache, isCacheError } from '@ninefold/cache';
import { CACHE } from './cache-module.ts';

export interface User {
  readonly id: number;
  readonly name: string;
}

@Injectable()
export class Users {
  readonly #cache: Cache;
  readonly #names = new Map([[1, 'Ada']]);
  queries = 0;

  constructor(@Inject(CACHE) cache: Cache) {
    this.#cache = cache;
  }

  async find(id: number): Promise<User | undefined> {
    return await this.#cache.getOrSet(['user', id], () => this.#query(id), { tags: ['users'] });
  }

  async rename(id: number, name: string): Promise<void> {
    this.#names.set(id, name);
    await this.#cache.delete(['user', id]);
  }

  /** Whether the cache is closed, as it is after a shutdown. */
  async isClosed(): Promise<boolean> {
    try {
      await this.#cache.has(['user', 1]);
      return false;
    } catch (error) {
      return isCacheError(error) && error.code === 'CLOSED';
    }
  }

  async #query(id: number): Promise<User | undefined> {
    this.queries += 1;
    const name = this.#names.get(id);
    return name === undefined ? undefined : { id, name };
  }
}
