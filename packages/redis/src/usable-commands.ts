import { DriverError } from '@ninefold/core';
import { Refusal } from './failures.ts';
import { type Argument, type CallState, type Sender, unread } from './sender.ts';

/** Milliseconds until a refused command is tried again: by then the server may know it, or the user may run it. */
const RETRY_MS = 60_000;
/** Milliseconds until the next probe once two probes have cost the connection. */
const RETRY_AFTER_LOSSES_MS = 3_600_000;

/** Refusals of an `MSETEX` without keys that say something about the server or the user, unlike a passing one such as OOM. */
const LASTING: ReadonlySet<string | undefined> = new Set(['NUMKEYS', 'UNKNOWN', 'NOPERM', 'ERR']);

/** Knows which commands the server has, which the user may run, and which are safe for a batch whose keys a proxy may shard. */
export class UsableCommands {
  readonly #sender: Sender;
  /** When each refused command may be tried again, on the clock of `performance.now()`. */
  readonly #refused = new Map([['msetex', Number.POSITIVE_INFINITY]]);
  #probeAt = Number.POSITIVE_INFINITY;
  /** Milliseconds until the next probe after one that cost the connection. */
  #afterLossMs = RETRY_MS;

  constructor(sender: Sender) {
    this.#sender = sender;
    if (!sender.mayProbe) return;
    // A sharding proxy sends a script to the server of its first key, where reads do not find its other keys.
    this.#refused.set('eval', Number.POSITIVE_INFINITY);
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
   * Asks whether this is a standalone server, and whether it has `MSETEX`, by commands that change nothing. They go beside a
   * batch with a TTL, not before it; until the replies are known, the entries of a batch are sent separately.
   */
  async probe(key: string, call: CallState): Promise<void> {
    if (performance.now() < this.#probeAt) return;
    this.#probeAt = Number.POSITIVE_INFINITY;
    const send = (name: string, args: Argument[]): Promise<unknown> =>
      this.#sender.send(call, { name, args, key, read: unread });
    const [hello, msetex] = await Promise.allSettled([send('hello', []), send('msetex', [0, key, ''])]);
    const standalone = hello.status === 'fulfilled' && isStandalone(hello.value);
    if (standalone) this.#refused.delete('eval');
    const failure: unknown = msetex.status === 'rejected' ? msetex.reason : undefined;
    const kind = failure instanceof Refusal ? failure.kind : undefined;
    // Refused because it has no keys: the server knows the command.
    if (standalone && kind === 'NUMKEYS') this.#refused.delete('msetex');
    else if (LASTING.has(kind)) this.#probeAt = performance.now() + RETRY_MS;
    // Some proxies close the connection on an unknown command, but it may have been lost for any other reason.
    else if (failure instanceof DriverError && failure.options.connectionLost === true) {
      this.#probeAt = performance.now() + this.#afterLossMs;
      this.#afterLossMs = RETRY_AFTER_LOSSES_MS;
    }
    // A passing refusal says nothing, nor does the `undefined` of a call that ended before the probe was sent.
    else this.#probeAt = 0;
  }
}

/** Whether a reply to `HELLO` comes from a server that is not part of a Cluster. */
function isStandalone(reply: unknown): boolean {
  return Array.isArray(reply) && reply[reply.indexOf('mode') + 1] === 'standalone';
}
