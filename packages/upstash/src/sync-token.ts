const READS: readonly unknown[] = ['mget', 'exists'];

/** Says to a replica up to where it has to be before it answers: at all that this backend wrote before. */
export class SyncToken {
  #token = '';
  /** How many requests were begun, and which write brought the newest: an earlier one may be answered later. */
  #requests = 0;
  #lastWrite = 0;

  /** What to send with a request of these commands, and what keeps the token of its answer. */
  begin(commands: readonly (readonly unknown[])[]): {
    readonly sent: string;
    update(received: string | null): void;
  } {
    this.#requests += 1;
    const request = this.#requests;
    const sent = this.#token;
    const isRead = commands.every(([name]) => READS.includes(name));
    const update = (received: string | null): void => {
      // A read's is that of its replica, which was not told of what was written meanwhile.
      if (received === null || (isRead ? sent !== this.#token : request < this.#lastWrite)) return;
      this.#token = received;
      if (!isRead) this.#lastWrite = request;
    };
    return { sent, update };
  }
}
