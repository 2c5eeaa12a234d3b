const READS: readonly unknown[] = ['mget', 'exists'];

/** Says to a replica up to where it has to be before it answers: at all that this backend wrote before. */
export class SyncToken {
  #newest = '';
  /** How many requests were begun, and which write brought the newest: an earlier one may be answered later. */
  #begun = 0;
  #broughtBy = 0;

  /** What to send with a request of these commands, and what keeps the token of its answer. */
  begin(commands: readonly (readonly unknown[])[]): { readonly sent: string; keep(answered: string | null): void } {
    this.#begun += 1;
    const order = this.#begun;
    const sent = this.#newest;
    const isRead = commands.every(([name]) => READS.includes(name));
    const keep = (answered: string | null): void => {
      // A read's is that of its replica, which was not told of what was written meanwhile.
      if (answered === null || (isRead ? sent !== this.#newest : order < this.#broughtBy)) return;
      this.#newest = answered;
      if (!isRead) this.#broughtBy = order;
    };
    return { sent, keep };
  }
}
