import { DriverError } from '@ninefold/core';
import { Refusal } from './failures.ts';
import type { Argument, CallState, Sender } from './sender.ts';

/** Milliseconds after which what was refused is tried again: by then the server may know it, or the user be allowed it. */
const RETRY_MS = 60_000;
/** The same where the question has cost the connection twice. */
const RETRY_AFTER_LOSSES_MS = 3_600_000;

/** Refusals of an `MSETEX` of no keys that say something of the server or the user; what passes, such as OOM, does not. */
const LASTING: ReadonlySet<string | undefined> = new Set(['NUMKEYS', 'UNKNOWN', 'NOPERM', 'ERR']);

/** Which commands the server knows, the user may run, and a batch of keys that need not be one server's may be sent by. */
export class UsableCommands {
  readonly #sender: Sender;
  /** Until when not to try a command, on the clock of `performance.now()`. */
  readonly #refused = new Map([['MSETEX', Number.POSITIVE_INFINITY]]);
  #probeAt = Number.POSITIVE_INFINITY;
  /** How long not to ask once the question has cost the connection. */
  #afterLossMs = RETRY_MS;

  constructor(sender: Sender) {
    this.#sender = sender;
    if (!sender.mayProbe) return;
    // A proxy before several servers sends a script to that of its first key, where nobody finds the others.
    this.#refused.set('EVAL', Number.POSITIVE_INFINITY);
    this.#probeAt = 0;
  }

  has(name: string): boolean {
    const until = this.#refused.get(name);
    return until === undefined || performance.now() >= until;
  }

  refuse(name: string): void {
    this.#refused.set(name, performance.now() + RETRY_MS);
  }

  /**
   * Beside a batch with a TTL and not before it, by what changes nothing: whether this is one server, and takes batches by
   * `MSETEX`. Where that is not known the entries go apart.
   */
  async probe(key: string, call: CallState): Promise<void> {
    if (performance.now() < this.#probeAt) return;
    this.#probeAt = Number.POSITIVE_INFINITY;
    const send = (name: string, args: Argument[]): Promise<unknown> => this.#sender.send(call, { name, args, key });
    const [greeting, known] = await Promise.allSettled([send('HELLO', []), send('MSETEX', [0, key, ''])]);
    const isOne = greeting.status === 'fulfilled' && isStandalone(greeting.value);
    if (isOne) this.#refused.delete('EVAL');
    const failure: unknown = known.status === 'rejected' ? known.reason : undefined;
    const kind = failure instanceof Refusal ? failure.kind : undefined;
    // Refused for having no keys, and so known.
    if (isOne && kind === 'NUMKEYS') this.#refused.delete('MSETEX');
    else if (LASTING.has(kind)) this.#probeAt = performance.now() + RETRY_MS;
    // Some proxies end the connection for what they do not know; but it may have been lost for anything.
    else if (failure instanceof DriverError && failure.options.connectionLost === true) {
      this.#probeAt = performance.now() + this.#afterLossMs;
      this.#afterLossMs = RETRY_AFTER_LOSSES_MS;
    }
    // Nor does the answer to a call that ended before this was sent say anything.
    else this.#probeAt = 0;
  }
}

/** Whether an answer to `HELLO` is that of a server which belongs to no cluster. */
function isStandalone(answer: unknown): boolean {
  return Array.isArray(answer) && answer[answer.indexOf('mode') + 1] === 'standalone';
}
