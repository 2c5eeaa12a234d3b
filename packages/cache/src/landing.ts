import type { ValueType } from '@ninefold/core';
import { isMutable, read, type Written, write } from './copy.ts';

export interface Outcome {
  readonly type: ValueType<unknown> | undefined;
  /** The value as `type` made it, `undefined` where there is none or the type refused it. */
  readonly output: unknown;
  /** Whether it was found in the cache after all. */
  readonly hit: boolean;
}

/** What a flight brought. Each of those who waited takes a value of its own, as each hit is one. */
export class Landing {
  readonly hit: boolean;
  readonly #value: unknown;
  readonly #written: Written | undefined;
  #first: Outcome | undefined;

  constructor(value: unknown, outcome: Outcome, { shared }: { readonly shared: boolean }) {
    const { output, hit } = outcome;
    const isMade = output !== undefined && output !== value;
    this.hit = hit;
    this.#value = value;
    this.#first = output === undefined ? undefined : outcome;
    // Written down at once: the first may change what it took before the others take theirs. A loader may keep what it gave.
    if (isMutable(value) && (shared || !(hit || isMade))) this.#written = write(value);
  }

  async take(type: ValueType<unknown> | undefined, apply: (value: unknown) => Promise<unknown>): Promise<unknown> {
    const first = this.#first;
    if (first === undefined || first.type !== type) return await apply(this.#own());
    this.#first = undefined;
    return first.output === this.#value ? this.#own() : first.output;
  }

  #own(): unknown {
    return this.#written === undefined ? this.#value : read(this.#written, this.#value);
  }
}
