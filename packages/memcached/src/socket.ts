import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

/** A server, and how to get in. */
export interface Place {
  readonly host: string;
  readonly port: number;
  readonly tls: ConnectionOptions | undefined;
  readonly login: { readonly username: string; readonly password: string } | undefined;
  /** Milliseconds for connecting and logging in. */
  readonly timeoutMs: number;
}

const KEEP_ALIVE_MS = 60_000;

/** A socket that is being connected; `ready` is told once it is, under TLS with the server's certificate checked. */
export function openSocket({ host, port, tls }: Place, ready: () => void): Socket {
  const options = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
  if (tls === undefined) return connectTcp(options).once('connect', ready);
  // An address is no name that TLS may send.
  const servername = isIP(host) === 0 ? host : '';
  return connectTls({ servername, ...tls, ...options }).once('secureConnect', ready);
}
