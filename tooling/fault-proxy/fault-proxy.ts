import { connect, createServer, type Socket } from 'node:net';
import type { Fault } from '@ninefold/core/conformance';
import { freePort } from '../servers/process.ts';

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** It lost bytes, and never speaks again. */
  silent: boolean;
  /** What still drips, so that later answers wait for it. */
  trickle: Promise<void>;
}

/** A TCP proxy on the loopback interface that lies as it is told. */
export class FaultProxy {
  readonly port: number;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #links = new Set<Link>();
  #server: ReturnType<typeof createServer> | undefined;
  #fault: Fault | undefined;
  /** Of a fault that hits one request: it has. */
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

  async set(fault: Fault | undefined): Promise<void> {
    this.#fault = fault;
    this.#spent = false;
    if (fault?.kind === 'refuse') {
      // Before it: a server is closed once its connections are.
      for (const link of [...this.#links]) this.#end(link, 'rst');
      await this.#unlisten();
      return;
    }
    if (fault?.kind === 'idle-cut') for (const link of [...this.#links]) this.#end(link, fault.by);
    if (fault?.kind === 'silence') for (const link of this.#links) link.silent = true;
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
    const link: Link = { client, server, silent: this.#fault?.kind === 'silence', trickle: Promise.resolve() };
    this.#links.add(link);
    client.on('data', (bytes) => this.#request(link, bytes));
    server.on('data', (bytes) => this.#reply(link, bytes));
    client.on('end', () => server.end());
    server.on('end', () => link.silent || client.end());
    for (const socket of [client, server]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#links.delete(link);
        if (socket === client || !link.silent) for (const other of [client, server]) other.destroy();
      });
    }
  }

  #request(link: Link, bytes: Buffer): void {
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
    if (link.silent) return;
    const fault = this.#fault;
    if (fault?.kind === 'delay') {
      setTimeout(() => link.silent || link.client.write(bytes), fault.delayMs);
    } else if (fault?.kind === 'trickle') {
      link.trickle = link.trickle.then(async () => {
        for (const byte of bytes) {
          link.client.write(Buffer.of(byte));
          // One turn of the event loop for each, or the kernel would join them.
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
    } else if (this.#spent || fault === undefined) {
      link.client.write(bytes);
    } else if (fault.kind === 'cut' && fault.on === 'reply') {
      this.#spent = true;
      this.#end(link, fault.by);
    } else if (fault.kind === 'half-reply') {
      this.#spent = true;
      link.client.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => this.#end(link, 'fin'));
    } else if (fault.kind === 'garbage') {
      this.#spent = true;
      link.client.write(Buffer.from(bytes.map((byte) => byte ^ 0x5a)));
    } else {
      link.client.write(bytes);
    }
  }

  #end(link: Link, by: 'rst' | 'fin' | 'silence'): void {
    if (by === 'silence') {
      link.silent = true;
      return;
    }
    if (by === 'rst') link.client.resetAndDestroy();
    else link.client.end();
    // What was asked before is still carried out.
    link.server.end();
  }
}
