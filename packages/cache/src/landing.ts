import type { ValueType } from '@ninefold/core';
import { copiesOf } from './copy.ts';
import { convertOrMiss } from './types.ts';

type Type = ValueType<unknown> | undefined;

/** What a flight brought. Each of those who waited takes a value of its own, as each hit is one. */
export class Landing {
  /** Whether it was found in the cache after all. */
  readonly hit: boolean;
  /** Whether there is a value, and its type takes it. */
  readonly sound: boolean;
  readonly #copies: () => unknown;
  /** Of the first who takes it as the type that it was read as. */
  #made: { readonly type: Type; readonly output: unknown } | undefined;

  private constructor(copies: () => unknown, type: Type, output: unknown, hit: boolean) {
    this.hit = hit;
    this.sound = output !== undefined;
    this.#copies = copies;
    if (this.sound) this.#made = { type, output };
  }

  /** Of the value as it is at this moment: a loader may keep what it gave, and a type may change what it is given. */
  static async of(value: unknown, type: Type, { hit }: { readonly hit: boolean }): Promise<Landing> {
    const copies = copiesOf(value);
    return new Landing(copies, type, await convertOrMiss(type, copies()), hit);
  }

  async take(type: Type, apply: (value: unknown) => Promise<unknown>): Promise<unknown> {
    const made = this.#made;
    if (made === undefined || made.type !== type) return await apply(this.#copies());
    this.#made = undefined;
    return made.output;
  }
}
