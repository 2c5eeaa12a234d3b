import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

/** The address of a server, its TLS options and its login. */
export interface ServerConfig {
  readonly host: string;
  readonly port: number;
  readonly tls: ConnectionOptions | undefined;
  readonly login: { readonly username: string; readonly password: string } | undefined;
  /** Milliseconds that a call may take. */
  readonly timeoutMs: number;
}

const KEEP_ALIVE_MS = 60_000;

/** Bytes read at once. */
const READ_BYTES = 64 * 1024;

interface Listener {
  /** Called when the socket is connected and, under TLS, has checked the server's certificate. */
  readonly ready: () => void;
  /** Called with received bytes, which are valid only during the call. */
  readonly read: (bytes: Buffer) => void;
}

/** Opens a socket, which then connects. */
export function openSocket({ host, port, tls }: ServerConfig, { ready, read }: Listener): Socket {
  const options = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
  if (tls === undefined) {
    // One reused buffer, where Node would allocate one for each read.
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    const callback = (length: number): boolean => {
      read(buffer.subarray(0, length));
      return true;
    };
    return connectTcp({ ...options, onread: { buffer, callback } }).once('connect', ready);
  }
  // TLS must not send an IP address as server name.
  const servername = tls.servername ?? (isIP(host) === 0 ? host : '');
  return (
    connectTls({ ...tls, servername, ...options })
      // `tls.connect` ignores these two options: a small write would wait some 40 ms for the acknowledgement of the one before.
      .setNoDelay(true)
      .setKeepAlive(true, KEEP_ALIVE_MS)
      .once('secureConnect', ready)
      .on('data', read)
  );
}
