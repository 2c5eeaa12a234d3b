import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

/** A server, and how to get in. */
export interface ServerConfig {
  readonly host: string;
  readonly port: number;
  readonly tls: ConnectionOptions | undefined;
  readonly login: { readonly username: string; readonly password: string } | undefined;
  /** Milliseconds for connecting and logging in. */
  readonly timeoutMs: number;
}

const KEEP_ALIVE_MS = 60_000;

/** Bytes that are read at once. */
const READ_BYTES = 64 * 1024;

interface Listener {
  /** It is connected; under TLS, with the server's certificate checked. */
  readonly ready: () => void;
  /** The bytes are the reader's for the length of the call. */
  readonly read: (bytes: Buffer) => void;
}

/** A socket that is being connected. */
export function openSocket({ host, port, tls }: ServerConfig, { ready, read }: Listener): Socket {
  const options = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
  if (tls === undefined) {
    // One buffer for all that comes, where Node would make one each time.
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    const callback = (length: number): boolean => {
      read(buffer.subarray(0, length));
      return true;
    };
    return connectTcp({ ...options, onread: { buffer, callback } }).once('connect', ready);
  }
  // An address is no name that TLS may send.
  const servername = isIP(host) === 0 ? host : '';
  return connectTls({ servername, ...tls, ...options })
    .once('secureConnect', ready)
    .on('data', read);
}
