const READS: readonly unknown[] = ['mget', 'exists'];

/** Makes replicas answer a read only once they have all that this backend wrote before. */
export class SyncToken {
  #token = '';
  /** The number of the last request, and of the write that the token is from: responses may arrive out of order. */
  #requests = 0;
  #lastWrite = 0;

  /** The token to send with a request of these commands. `update` receives the token of the response, if it has one. */
  begin(commands: readonly (readonly unknown[])[]): {
    readonly sent: string;
    update(received: string | null): void;
  } {
    this.#requests += 1;
    const request = this.#requests;
    const sent = this.#token;
    const isRead = commands.every(([name]) => READS.includes(name));
    const update = (received: string | null): void => {
      // The token of a read is that of its replica, which does not know of writes since the read was sent.
      if (received === null || (isRead ? sent !== this.#token : request < this.#lastWrite)) return;
      this.#token = received;
      if (!isRead) this.#lastWrite = request;
    };
    return { sent, update };
  }
}
