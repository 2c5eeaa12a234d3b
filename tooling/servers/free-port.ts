import { createSocket } from 'node:dgram';
import { type EventEmitter, once } from 'node:events';
import { createServer } from 'node:net';

// Below the ephemeral ports, from which an outgoing connection could take the port while the server is down.
const PORTS = { first: 15_000, count: 15_000 };

/**
 * A free port. No other process gets it from this function while this process lives. With `distance`, the port that is so much
 * above is free, too, and no one else gets it either.
 */
export async function freePort(distance = 0): Promise<number> {
  for (;;) {
    const port = PORTS.first + Math.floor(Math.random() * (PORTS.count - distance));
    if ((await claim(port)) && (distance === 0 || (await claim(port + distance)))) return port;
  }
}

/** Whether the port was free. If so, a UDP socket on the same port number claims it until this process ends. */
async function claim(port: number): Promise<boolean> {
  const socket = createSocket('udp4').unref();
  if ((await bound(socket, () => socket.bind(port, '127.0.0.1'))) && (await isFree(port))) return true;
  socket.close();
  return false;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await bound(server, () => server.listen(port, '127.0.0.1'));
  if (free) await new Promise((resolve) => server.close(resolve));
  return free;
}

async function bound(endpoint: EventEmitter, bind: () => void): Promise<boolean> {
  const listening = once(endpoint, 'listening');
  bind();
  try {
    await listening;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
}
