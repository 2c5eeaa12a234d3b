import type { ValueType } from '@ninefold/core';
import { copierOf } from './copy.ts';
import { convertOrMiss } from './types.ts';

type Type = ValueType<unknown> | undefined;

/** What a flight brought. Each of those who waited takes a value of its own, as each hit is one. */
export class FlightResult {
  /** Whether it was found in the cache after all. */
  readonly hit: boolean;
  /** Whether there is a value, and its type takes it. */
  readonly usable: boolean;
  readonly #copy: () => unknown;
  /** Of the first who takes it as the type that it was read as. */
  #converted: { readonly type: Type; readonly output: unknown } | undefined;

  private constructor(copy: () => unknown, type: Type, output: unknown, hit: boolean) {
    this.hit = hit;
    this.usable = output !== undefined;
    this.#copy = copy;
    if (this.usable) this.#converted = { type, output };
  }

  /** Of the value as it is at this moment: a loader may keep what it gave, and a type may change what it is given. */
  static async of(value: unknown, type: Type, { hit }: { readonly hit: boolean }): Promise<FlightResult> {
    const copy = copierOf(value);
    return new FlightResult(copy, type, await convertOrMiss(type, copy()), hit);
  }

  async valueFor(type: Type, apply: (value: unknown) => Promise<unknown>): Promise<unknown> {
    const converted = this.#converted;
    if (converted === undefined || converted.type !== type) return await apply(this.#copy());
    this.#converted = undefined;
    return converted.output;
  }
}
