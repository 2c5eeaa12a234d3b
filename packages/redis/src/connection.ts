import type { Redis } from 'ioredis';
import { Corking } from './corking.ts';
import { commandFailure, connectionFailure, Refusal } from './failures.ts';
import { ReplyWatchdog } from './reply-watchdog.ts';
import type { CallState, Command, Sender } from './sender.ts';

/** Milliseconds after the deadline of a call before its connection is given up: the call itself says `TIMEOUT`. */
const LATENESS_MS = 100;
/** Milliseconds after which a client that has ended connects anew: what refuses it is not asked by each call. */
const RETRY_MS = 50;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** One connection of our own: calls wait for it inside their deadlines, in order, and are sent once. */
export class Connection implements Sender {
  readonly mayProbe = true;
  readonly #createClient: () => Redis;
  readonly #timeoutMs: number;
  readonly #corking = new Corking();
  /** Made when first used: it makes timers and random numbers of its own. */
  #client: Redis | undefined;
  /** Late, or of a server that is no primary any more: what was sent on them may still be answered. */
  readonly #draining = new Set<Redis>();
  #waiters: Waiter[] = [];
  /** Why the last attempt to connect failed, or the connection ended. */
  #failure: unknown;
  /** Whether the client's connection is greeted and what was asked for. */
  #open = false;
  #closed = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** When a connection last ended, on the clock of `performance.now()`. */
  #endedAt = 0;
  /** Of the present socket. */
  #watchdog: ReplyWatchdog | undefined;

  constructor(timeoutMs: number, createClient: () => Redis) {
    this.#timeoutMs = timeoutMs;
    this.#createClient = createClient;
  }

  get ready(): boolean {
    return this.#open && this.#client?.status === 'ready';
  }

  send(call: CallState, command: Command): Promise<unknown> {
    const client = this.#client;
    if (client === undefined || !this.ready) return this.#sendOnceReady(call, command);
    this.#corking.cork(client.stream, command.args.length);
    return this.#write(client, call, command);
  }

  /** Sends a command to a node of a cluster that is only about to own its key. */
  async sendAsking(call: CallState, command: Command): Promise<unknown> {
    const client = await this.#whenReady();
    this.#corking.cork(client.stream, 1);
    const [asking, answer] = await Promise.allSettled([
      this.#write(client, call, { name: 'ASKING', args: [], key: command.key }),
      this.#write(client, call, command),
    ]);
    // Where ASKING was refused the node may own the slot by now, and have run the command.
    if (answer.status === 'fulfilled') return answer.value;
    throw asking.status === 'rejected' ? asking.reason : answer.reason;
  }

  close(): void {
    this.#closed = true;
    this.#client?.disconnect();
    for (const client of this.#draining) client.disconnect();
    this.#settleWaiters(({ reject }) => reject(connectionFailure(undefined)));
  }

  async #sendOnceReady(call: CallState, command: Command): Promise<unknown> {
    const client = await this.#whenReady();
    this.#corking.cork(client.stream, command.args.length);
    return await this.#write(client, call, command);
  }

  async #write(client: Redis, call: CallState, { name, args }: Command): Promise<unknown> {
    // Whoever has given up meanwhile must not be sent for.
    if (call.ended) return undefined;
    call.sent = true;
    const watchdog = this.#watchdog;
    watchdog?.sent();
    try {
      return await client.call(name, args);
    } catch (error) {
      const failure = commandFailure(error, {
        connectionError: client === this.#client ? this.#failure : undefined,
        client,
      });
      if (failure instanceof Refusal && failure.kind === 'READONLY') this.#drain(client);
      throw failure;
    } finally {
      watchdog?.answered();
    }
  }

  async #whenReady(): Promise<Redis> {
    // A call that was given up by then may still try another way, and would connect again.
    if (this.#closed) throw connectionFailure(undefined);
    this.#client ??= this.#startClient();
    const client = this.#client;
    if (this.ready) return client;
    return await new Promise((resolve, reject) => {
      this.#waiters.push({ resolve: () => resolve(client), reject });
      if (client.status === 'wait') this.#connect(client);
      else if (client.status === 'end')
        this.#retry ??= setTimeout(
          () => this.#connect(client),
          Math.max(0, this.#endedAt + RETRY_MS - performance.now()),
        );
    });
  }

  /** Its outcome comes by the events. */
  #connect(client: Redis): void {
    this.#retry = undefined;
    if (!this.#closed) client.connect().catch(() => undefined);
  }

  /** It keeps what was sent on it, and brings the answers when it can; once all of that is late, too, nobody waits for it. */
  #giveUp(client: Redis): void {
    if (this.#client !== client) client.disconnect();
    else if (this.#open) this.#drain(client);
    // In its greeting: whoever waits for it is told, and it connects anew.
    else client.disconnect(true);
  }

  /** The primary may be another server by now: the next call connects anew, by name or by sentinel. */
  #drain(client: Redis): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#open = false;
    this.#draining.add(client);
    client.once('end', () => {
      this.#draining.delete(client);
      // It has ended, but for what watches the sentinels for it.
      client.disconnect();
    });
    this.#watchdog?.sent();
    client.quit().catch(() => client.disconnect());
  }

  #startClient(): Redis {
    const client = this.#createClient();
    client.on('error', (error: unknown) => {
      // One that was left has no say in how its successor fares.
      if (this.#client === client) this.#failure = error;
    });
    // The greeting that comes before commands owes answers as well.
    client.on('connect', () => {
      this.#failure = undefined;
      this.#watchdog = new ReplyWatchdog(client.stream, this.#timeoutMs + LATENESS_MS, () => this.#giveUp(client));
      this.#watchdog.sent();
    });
    client.on('ready', () => {
      this.#watchdog?.answered();
      // Where it may not select its database, the client would go on in the first one.
      this.#open = this.#failure === undefined;
      if (this.#open) this.#settleWaiters(({ resolve }) => resolve());
      else client.disconnect();
    });
    for (const event of ['close', 'end'])
      client.on(event, () => {
        if (this.#client !== client) return;
        this.#open = false;
        this.#endedAt = performance.now();
        this.#settleWaiters(({ reject }) => reject(connectionFailure(this.#failure, client)));
      });
    return client;
  }

  #settleWaiters(settle: (waiter: Waiter) => void): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) settle(waiter);
  }
}
