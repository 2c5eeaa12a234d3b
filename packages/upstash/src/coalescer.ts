import { type Call, inParts, type PartLimits } from '@ninefold/core';
import { isTooLarge } from './results.ts';

/** Of the microtask queue, for which asks are collected: of what one answer woke, a batch goes on two after a single call. */
const TURNS = 3;

/** Something that waits for its turn in a gathered request. */
interface PendingItem<I, R> {
  readonly item: I;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

/** Sends what was asked as one request: an answer for each, or the failure of all. `deadline` is that of the last. */
type Send<I, R> = (items: readonly I[], deadline: number) => Promise<readonly R[]>;

/**
 * Collects what is asked within one tick and sends it together. It ends with the microtask queue, because on Workers a
 * timer of one request may not serve another. What is refused for its size is sent in halves.
 */
export class Coalescer<I extends { readonly call: Call }, R> {
  readonly #limits: PartLimits<PendingItem<I, R>>;
  readonly #sendItems: Send<I, R>;
  #pending: PendingItem<I, R>[] = [];

  /** `limits` are those of one request. */
  constructor(limits: PartLimits<I>, send: Send<I, R>) {
    const { bytesOf } = limits;
    this.#limits = { ...limits, bytesOf: bytesOf && (({ item }) => bytesOf(item)) };
    this.#sendItems = send;
  }

  add(item: I): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ item, resolve, reject });
      if (this.#pending.length === 1) void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await undefined;
    const pending = this.#pending;
    this.#pending = [];
    for (const part of inParts(pending, this.#limits)) void this.#send(part, MAX_HALVINGS);
  }

  async #send(pending: readonly PendingItem<I, R>[], halvings: number): Promise<void> {
    const items = pending.map(({ item }) => item);
    try {
      const results = await this.#sendItems(items, latestDeadline(items));
      for (const [index, { resolve }] of pending.entries()) resolve(results[index] as R);
    } catch (error) {
      if (halvings > 0 && pending.length > 1 && isTooLarge(error)) {
        // What has rejected meanwhile is never sent again.
        const open = pending.filter(({ item }) => !item.call.ended);
        for (const half of halves(open)) void this.#send(half, halvings - 1);
      } else for (const { reject } of pending) reject(error);
    }
  }
}

/** How often what is too large together is halved: the answer to reads may be 32 times what the service gives at once. */
export const MAX_HALVINGS = 5;

export function halves<T>(items: readonly T[]): readonly (readonly T[])[] {
  return inParts(items, { mostItems: Math.ceil(items.length / 2) });
}

/** When the last of them is given up. */
function latestDeadline(items: readonly { readonly call: Call }[]): number {
  return items.reduce((latest, { call }) => Math.max(latest, call.deadline), 0);
}
