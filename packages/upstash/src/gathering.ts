import { inParts, type PartLimits } from '@ninefold/core';

/** Something that waits for its turn in a gathered request. */
export interface Ask<Q, A> {
  readonly question: Q;
  readonly resolve: (answer: A) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Collects what is asked within one tick and hands it over together. It ends with the microtask queue, because on
 * Workers a timer of one request may not serve another.
 */
export class Gathering<Q, A> {
  readonly #limits: PartLimits<Ask<Q, A>>;
  readonly #send: (asks: readonly Ask<Q, A>[]) => void;
  #asks: Ask<Q, A>[] = [];

  /** `limits` are those of one request. */
  constructor(limits: PartLimits<Ask<Q, A>>, send: (asks: readonly Ask<Q, A>[]) => void) {
    this.#limits = limits;
    this.#send = send;
  }

  ask(question: Q): Promise<A> {
    return new Promise((resolve, reject) => {
      this.#asks.push({ question, resolve, reject });
      if (this.#asks.length === 1) queueMicrotask(() => queueMicrotask(() => this.#flush()));
    });
  }

  #flush(): void {
    const asks = this.#asks;
    this.#asks = [];
    for (const part of inParts(asks, this.#limits)) this.#send(part);
  }
}

/** How often reads are halved that are too large together: an answer may be 32 times what the service gives at once. */
export const MOST_HALVINGS = 5;

export function halves<T>(items: readonly T[]): readonly (readonly T[])[] {
  return inParts(items, { mostItems: Math.ceil(items.length / 2) });
}

/** When the last of them is given up. */
export function latest(asks: readonly Ask<{ readonly deadline: number }, unknown>[]): number {
  return asks.reduce((most, { question }) => Math.max(most, question.deadline), 0);
}
