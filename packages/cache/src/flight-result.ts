import type { ValueType } from '@ninefold/core';
import { copierOf } from './copy.ts';
import { convertOrMiss } from './types.ts';

type Type = ValueType<unknown> | undefined;

/** The result of a flight. Each caller takes a copy of its own, as from a hit. */
export class FlightResult {
  /** Whether the value was found in the cache after all. */
  readonly hit: boolean;
  /** Whether there is a value that the type of the first caller takes. */
  readonly usable: boolean;
  readonly #copy: () => unknown;
  /** The value as that type converted it, for one caller with the same type. */
  #converted: { readonly type: Type; readonly output: unknown } | undefined;

  private constructor(copy: () => unknown, type: Type, output: unknown, hit: boolean) {
    this.hit = hit;
    this.usable = output !== undefined;
    this.#copy = copy;
    if (this.usable) this.#converted = { type, output };
  }

  /** Copies the value as it is now: a loader may keep what it returned, and a type may change its input. */
  static async of(value: unknown, type: Type, { hit }: { readonly hit: boolean }): Promise<FlightResult> {
    const copy = copierOf(value);
    return new FlightResult(copy, type, await convertOrMiss(type, copy()), hit);
  }

  /** The value as it was loaded, without the type. To be stored before any caller gets its own. */
  toStore(): unknown {
    const converted = this.#converted;
    return converted !== undefined && converted.type === undefined ? converted.output : this.#copy();
  }

  async valueFor(type: Type, apply: (value: unknown) => unknown): Promise<unknown> {
    const converted = this.#converted;
    if (converted === undefined || converted.type !== type) return await apply(this.#copy());
    this.#converted = undefined;
    return converted.output;
  }
}
