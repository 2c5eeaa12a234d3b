import { connect, createServer, type Socket } from 'node:net';
import { freePort } from '../servers/process.ts';
import { sleepUntil } from './sleep-until.ts';

/** A TCP proxy that counts segments and round trips, and can delay replies. */
export interface CountingProxy {
  readonly port: number;
  /** `segments`: chunks from clients. `rounds`: round trips, that is, chunks that begin a connection or follow a reply. */
  readonly counts: { segments: number; rounds: number };
  /** The delay of each reply in milliseconds. */
  delayMs: number;
  stop(): Promise<void>;
}

export async function startCountingProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<CountingProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ ...target, noDelay: true });
    client.setNoDelay(true);
    let answered = true;
    let delivery: Promise<unknown> = Promise.resolve();
    client.on('data', (bytes) => {
      proxy.counts.segments += 1;
      if (answered) proxy.counts.rounds += 1;
      answered = false;
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      const due = performance.now() + proxy.delayMs;
      delivery = delivery.then(async () => {
        await sleepUntil(due);
        answered = true;
        client.write(bytes);
      });
    });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
        sockets.delete(socket);
      });
    }
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const proxy: CountingProxy = {
    port,
    counts: { segments: 0, rounds: 0 },
    delayMs: 0,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
