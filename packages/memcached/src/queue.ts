/** Shifted items after which their space is freed. */
const MAX_SHIFTED = 1000;

/** First in, first out. Unlike an array's `shift`, its cost does not depend on the length. */
export class Queue<T> {
  #items: T[] = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  get first(): T | undefined {
    return this.#items[this.#first];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#first];
    this.#first += 1;
    if (this.length === 0) this.clear();
    else if (this.#first > MAX_SHIFTED && this.#first > this.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }

  /** Empties the queue. Returns its items in order. */
  clear(): readonly T[] {
    const rest = this.#items.slice(this.#first);
    this.#items = [];
    this.#first = 0;
    return rest;
  }

  some(holds: (item: T) => boolean): boolean {
    for (let index = this.#first; index < this.#items.length; index++) if (holds(this.#items[index] as T)) return true;
    return false;
  }
}
