import { type Call, inParts, type PartLimits } from '@ninefold/core';
import { isTooLarge } from './results.ts';

/**
 * Microtask turns for which items are collected. Of the callers that one response resumes, those of a batch continue two
 * turns after those of a single call.
 */
const TURNS = 3;

/** An item that waits to be sent. */
interface PendingItem<I, R> {
  readonly item: I;
  readonly resolve: (result: R | PromiseLike<R>) => void;
  readonly reject: (error: unknown) => void;
}

/** Sends items as one request. Resolves a result for each, or a promise of it, or rejects for all. */
type Send<I, R> = (items: readonly I[]) => Promise<readonly (R | PromiseLike<R>)[]>;

/**
 * Coalesces the items of one tick into as few requests as the limits allow. It collects by microtasks, because on Workers
 * a timer of one request must not serve another. Items that are refused for their size are sent again in halves.
 */
export class Coalescer<I extends { readonly call: Call }, R> {
  readonly #limits: PartLimits<PendingItem<I, R>>;
  readonly #sendItems: Send<I, R>;
  #pending: PendingItem<I, R>[] = [];

  /** `limits` apply to each request. */
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
      const results = await this.#sendItems(items);
      for (const [index, { resolve }] of pending.entries()) resolve(results[index] as R | PromiseLike<R>);
    } catch (error) {
      if (halvings > 0 && pending.length > 1 && isTooLarge(error)) {
        // A call that has rejected is never sent again.
        const open = pending.filter(({ item }) => !item.call.ended);
        for (const half of halves(open)) void this.#send(half, halvings - 1);
      } else for (const { reject } of pending) reject(error);
    }
  }
}

/** How often items that are too large together are halved: a response to reads may be 32 times the service's limit. */
export const MAX_HALVINGS = 5;

export function halves<T>(items: readonly T[]): readonly (readonly T[])[] {
  return inParts(items, { maxItems: Math.ceil(items.length / 2) });
}
