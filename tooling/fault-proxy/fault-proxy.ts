import { connect, createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '@ninefold/core/conformance';
import { freePort } from '../servers/free-port.ts';

/** Milliseconds between two bytes on a link that drips. */
const DRIP_MS = 100;

/** Milliseconds by which a timer may fire early or late, because timers count whole milliseconds. */
const COARSE_MS = 2;

/** A connection of a client, with the proxy's own connection to the server. */
interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** The link has lost bytes, so it passes on nothing more. */
  silent: boolean;
  /** Whether nothing was sent since a reply was last passed on. */
  answered: boolean;
  /** Replies arrive one byte every `DRIP_MS`. */
  drips: boolean;
  /** Settles when all replies so far have been passed on. Later replies wait for it, because TCP keeps the order. */
  delivery: Promise<void>;
}

/** A TCP proxy on the loopback interface that injects the fault that `set` names, and counts segments and round trips. */
export class FaultProxy {
  readonly port: number;
  /** `segments`: chunks from clients. `rounds`: round trips, that is, chunks that begin a connection or follow a reply. */
  counts = { segments: 0, rounds: 0 };
  readonly #target: { readonly host: string; readonly port: number };
  readonly #links = new Set<Link>();
  #server: ReturnType<typeof createServer> | undefined;
  #fault: Fault | undefined;
  /** Whether a fault that affects only one request has done so. */
  #spent = false;

  private constructor(target: { readonly host: string; readonly port: number }, port: number) {
    this.#target = target;
    this.port = port;
  }

  static async start(target: { readonly host: string; readonly port: number }): Promise<FaultProxy> {
    const proxy = new FaultProxy(target, await freePort());
    await proxy.#listen();
    return proxy;
  }

  /** The number of open client connections. */
  get links(): number {
    return this.#links.size;
  }

  /** Starts a fault, in place of the one before; `undefined` ends it. Links that lost bytes stay silent. */
  async set(fault: Fault | undefined): Promise<void> {
    this.#fault = fault;
    this.#spent = false;
    // Ended, because a client's pool may hold dripping connections that it has not used yet.
    for (const link of [...this.#links]) if (link.drips) this.#end(link, 'rst');
    if (fault?.kind === 'refuse') {
      // Before `#unlisten`, which resolves only when all connections are closed.
      for (const link of [...this.#links]) this.#end(link, 'rst');
      await this.#unlisten();
      return;
    }
    if (fault?.kind === 'idle-cut') for (const link of [...this.#links]) this.#end(link, fault.by);
    if (fault?.kind === 'silence') for (const link of this.#links) link.silent = true;
    if (fault?.kind === 'drip') for (const link of this.#links) link.drips = true;
    await this.#listen();
  }

  async stop(): Promise<void> {
    for (const link of [...this.#links]) this.#end(link, 'rst');
    await this.#unlisten();
  }

  async #listen(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((client) => this.#link(client));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
  }

  async #unlisten(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
  }

  #link(client: Socket): void {
    const server = connect({ ...this.#target, noDelay: true });
    client.setNoDelay(true);
    const link: Link = {
      client,
      server,
      silent: this.#fault?.kind === 'silence',
      answered: true,
      drips: false,
      delivery: Promise.resolve(),
    };
    this.#links.add(link);
    client.on('data', (bytes) => this.#request(link, bytes));
    server.on('data', (bytes) => this.#reply(link, bytes));
    client.on('end', () => server.end());
    server.on('end', async () => {
      if (link.drips) await link.delivery;
      if (!link.silent) client.end();
    });
    for (const socket of [client, server]) socket.on('error', () => undefined);
    client.on('close', () => {
      this.#links.delete(link);
      server.destroy();
    });
    server.on('close', () => link.silent || link.drips || client.destroy());
  }

  #request(link: Link, bytes: Buffer): void {
    this.counts.segments += 1;
    if (link.answered) this.counts.rounds += 1;
    link.answered = false;
    if (link.silent) return;
    const fault = this.#fault;
    if (fault?.kind === 'cut' && fault.on === 'request' && !this.#spent) {
      this.#spent = true;
      this.#end(link, fault.by);
      return;
    }
    link.server.write(bytes);
  }

  #reply(link: Link, bytes: Buffer): void {
    const arrival = performance.now();
    const fault = this.#fault;
    link.delivery = link.delivery.then(async () => {
      if (fault?.kind === 'delay') await sleepUntil(arrival + fault.delayMs);
      if (link.silent) return;
      link.answered = true;
      if (link.drips) await bytewise(link.client, bytes, () => sleep(DRIP_MS));
      // One turn of the event loop per byte, or the kernel would merge them.
      else if (fault?.kind === 'trickle') await bytewise(link.client, bytes, nextTurn);
      else if (fault === undefined || !this.#isTarget(fault)) link.client.write(bytes);
      else await this.#damage(link, bytes, fault);
    });
  }

  /** Whether the fault affects this reply. The first reply for which this is true uses the fault up. */
  #isTarget(fault: Fault): boolean {
    const replies =
      fault.kind === 'half-reply' || fault.kind === 'garbage' || (fault.kind === 'cut' && fault.on === 'reply');
    if (!replies || this.#spent || fault !== this.#fault) return false;
    this.#spent = true;
    return true;
  }

  async #damage(link: Link, bytes: Buffer, fault: Fault): Promise<void> {
    if (fault.kind === 'cut') this.#end(link, fault.by);
    else if (fault.kind === 'garbage') link.client.write(Buffer.from(bytes.map((byte) => byte ^ 0x5a)));
    else {
      await new Promise<void>((resolve) =>
        link.client.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => resolve()),
      );
      this.#end(link, 'fin');
    }
  }

  #end(link: Link, by: 'rst' | 'fin' | 'silence'): void {
    if (by === 'silence') {
      link.silent = true;
      return;
    }
    if (by === 'rst') link.client.resetAndDestroy();
    else link.client.end();
    // The server still executes the requests sent before.
    link.server.end();
  }
}

async function bytewise(client: Socket, bytes: Buffer, pause: () => Promise<unknown>): Promise<void> {
  for (const byte of bytes) {
    if (client.destroyed) return;
    client.write(Buffer.of(byte));
    await pause();
  }
}

/**
 * Resolves when `performance.now()` reaches `due`. If it has already, no turn of the event loop passes, so that bytes that
 * arrived together are passed on together.
 */
async function sleepUntil(due: number): Promise<void> {
  for (let left = due - performance.now(); left > 0; left = due - performance.now()) {
    if (left > COARSE_MS) await sleep(left - COARSE_MS);
    else await new Promise((resolve) => setImmediate(resolve));
  }
}
