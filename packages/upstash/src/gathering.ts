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
  readonly #most: number;
  readonly #send: (asks: readonly Ask<Q, A>[]) => void;
  #asks: Ask<Q, A>[] = [];

  constructor(most: number, send: (asks: readonly Ask<Q, A>[]) => void) {
    this.#most = most;
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
    for (let from = 0; from < asks.length; from += this.#most) this.#send(asks.slice(from, from + this.#most));
  }
}

/** When the last of them is given up. */
export function latest(asks: readonly Ask<{ readonly deadline: number }, unknown>[]): number {
  return asks.reduce((most, { question }) => Math.max(most, question.deadline), 0);
}
