import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { listen } from '../servers/listen.ts';

/** A TCP proxy that rewrites replies, to act as a broken or older server. */
export class RewritingProxy {
  readonly port: number;
  /** Rewrites each chunk from the server, as Latin-1. Replies must be small enough to arrive in one chunk. */
  rewrite: (reply: string) => string = unchanged;
  readonly #stop: () => Promise<void>;

  private constructor(port: number, stop: () => Promise<void>) {
    this.port = port;
    this.#stop = stop;
  }

  static async start(target: { readonly host: string; readonly port: number }): Promise<RewritingProxy> {
    const sockets = new Set<Socket>();
    const listener = createServer((client) => {
      const server = connect({ ...target, noDelay: true });
      for (const socket of [client, server]) {
        sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          for (const other of [client, server]) other.destroy();
        });
      }
      client.on('data', (bytes) => server.write(bytes));
      server.on('data', (bytes) => client.write(proxy.rewrite(bytes.toString('latin1')), 'latin1'));
    });
    const port = await listen(listener);
    const stop = async (): Promise<void> => {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, 'close');
    };
    const proxy = new RewritingProxy(port, stop);
    return proxy;
  }

  heal(): void {
    this.rewrite = unchanged;
  }

  stop(): Promise<void> {
    return this.#stop();
  }
}

function unchanged(reply: string): string {
  return reply;
}
