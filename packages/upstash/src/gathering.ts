import { type Call, inParts, type PartLimits } from '@ninefold/core';
import { isTooLarge } from './answers.ts';

/** Of the microtask queue, for which asks are collected: of what one answer woke, a batch goes on two after a single call. */
const TURNS = 3;

/** Something that waits for its turn in a gathered request. */
interface Ask<Q, A> {
  readonly question: Q;
  readonly resolve: (answer: A) => void;
  readonly reject: (error: unknown) => void;
}

/** Sends what was asked as one request: an answer for each, or the failure of all. `deadline` is that of the last. */
type Answer<Q, A> = (questions: readonly Q[], deadline: number) => Promise<readonly A[]>;

/**
 * Collects what is asked within one tick and sends it together. It ends with the microtask queue, because on Workers a
 * timer of one request may not serve another. What is refused for its size is sent in halves.
 */
export class Gathering<Q extends { readonly call: Call }, A> {
  readonly #limits: PartLimits<Ask<Q, A>>;
  readonly #answer: Answer<Q, A>;
  #asks: Ask<Q, A>[] = [];

  /** `limits` are those of one request. */
  constructor(limits: PartLimits<Q>, answer: Answer<Q, A>) {
    const { bytesOf } = limits;
    this.#limits = { ...limits, bytesOf: bytesOf && (({ question }) => bytesOf(question)) };
    this.#answer = answer;
  }

  ask(question: Q): Promise<A> {
    return new Promise((resolve, reject) => {
      this.#asks.push({ question, resolve, reject });
      if (this.#asks.length === 1) void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await undefined;
    const asks = this.#asks;
    this.#asks = [];
    for (const part of inParts(asks, this.#limits)) void this.#send(part, MOST_HALVINGS);
  }

  async #send(asks: readonly Ask<Q, A>[], halvings: number): Promise<void> {
    const questions = asks.map(({ question }) => question);
    try {
      const answers = await this.#answer(questions, latest(questions));
      for (const [index, { resolve }] of asks.entries()) resolve(answers[index] as A);
    } catch (error) {
      if (halvings > 0 && asks.length > 1 && isTooLarge(error)) {
        // What has rejected meanwhile is never sent again.
        const open = asks.filter(({ question }) => !question.call.ended);
        for (const half of halves(open)) void this.#send(half, halvings - 1);
      } else for (const { reject } of asks) reject(error);
    }
  }
}

/** How often what is too large together is halved: the answer to reads may be 32 times what the service gives at once. */
export const MOST_HALVINGS = 5;

export function halves<T>(items: readonly T[]): readonly (readonly T[])[] {
  return inParts(items, { mostItems: Math.ceil(items.length / 2) });
}

/** When the last of them is given up. */
function latest(questions: readonly { readonly call: Call }[]): number {
  return questions.reduce((most, { call }) => Math.max(most, call.deadline), 0);
}
