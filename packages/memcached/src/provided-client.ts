import { DriverError, underKey } from '@ninefold/core';
import { BinaryTransport } from './binary.ts';
import { connectionLost, notConnected, refusedLogin } from './failures.ts';
import { Status } from './protocol.ts';
import type { Channel, Request } from './request.ts';

/** The response that memjs passes to a callback. */
export interface MemjsResponse {
  readonly header: { readonly status: number; readonly cas: Buffer };
  readonly val: Buffer;
}

interface ResponseCallback {
  (response: MemjsResponse): void;
  /** An undocumented flag of memjs: more responses may follow. */
  quiet?: boolean;
}

/** The part of a memjs server that the backend uses. */
export interface MemjsServer {
  readonly connected: boolean;
  /** Emitted when a connection has been made and, with a login, that has succeeded. */
  on(event: 'authenticated', listener: () => void): unknown;
  onResponse(seq: number, onResponse: (response: MemjsResponse) => void): void;
  onError(seq: number, onError: (error: Error) => void): void;
  write(blob: Buffer): void;
  readonly responseCallbacks: Record<number, unknown>;
}

/** The part of a memjs `Client` that the backend uses. */
export interface MemjsClient {
  readonly seq: number;
  incrSeq(): void;
  /** The server of a key, or nothing while all servers are marked as failed. */
  server(key: string): MemjsServer | null | undefined;
}

/** A transport on a provided client, which is not closed. It writes each request to the client's servers once. */
export function providedClientTransport(client: MemjsClient): BinaryTransport {
  const channels = new WeakMap<MemjsServer, Channel>();
  const channelFor = (key: string): Channel => {
    const server = client.server(key);
    if (!server) throw underKey(notConnected('the client considers all its servers failed'), key);
    const channel = channels.get(server) ?? new ProvidedClientChannel(client, server);
    channels.set(server, channel);
    return channel;
  };
  return new BinaryTransport(channelFor, () => undefined);
}

/** Counts the connections of each server. Backends on one client share the count, and its only listener. */
const connections = new WeakMap<MemjsServer, { count: number }>();

function connectionsOf(server: MemjsServer): { readonly count: number } {
  const known = connections.get(server);
  if (known !== undefined) return known;
  const counter = { count: 0 };
  connections.set(server, counter);
  server.on('authenticated', () => {
    counter.count += 1;
  });
  return counter;
}

class ProvidedClientChannel implements Channel {
  readonly #client: MemjsClient;
  readonly #server: MemjsServer;
  readonly #connections: { readonly count: number };

  constructor(client: MemjsClient, server: MemjsServer) {
    this.#client = client;
    this.#server = server;
    this.#connections = connectionsOf(server);
  }

  send(request: Request): void {
    const opaques = Array.from({ length: request.size }, () => {
      this.#client.incrSeq();
      return this.#client.seq >>> 0;
    });
    const last = request.size - 1;
    for (const [index, opaque] of opaques.entries()) {
      const onResponse: ResponseCallback = ({ header: { status, cas }, val }) => {
        const bytes = Buffer.concat([cas, val]);
        if (!request.receive(index, { status, bytes, casOffset: 0, from: cas.length, to: bytes.length })) return;
        // memjs itself removes only the last callback.
        for (const quiet of opaques) delete this.#server.responseCallbacks[quiet];
      };
      onResponse.quiet = index < last;
      this.#server.onResponse(opaque, onResponse);
    }
    let connection = 0;
    this.#server.onError(opaques[last] as number, (error) => {
      const isWritten = this.#server.connected && connection === this.#connections.count;
      request.fail(providedClientError(error, isWritten));
    });
    request.call.sent = true;
    this.#server.write(request.encode(opaques[0] as number));
    // memjs writes it at once, or as soon as there is a connection.
    connection = this.#connections.count + (this.#server.connected ? 0 : 1);
    request.written?.();
  }
}

/**
 * memjs's messages name the server, so they are replaced by what they mean. `isWritten`: the request was written to the
 * connection that failed. If not, it was written to an earlier one, or memjs may still write it to a later one.
 */
function providedClientError(error: unknown, isWritten: boolean): DriverError {
  if (typeof error === 'string') return refusedLogin(Status.authError, isWritten ? 'no' : 'maybe');
  const { message } = error as Error;
  if (/timed out connecting/.test(message))
    return new DriverError('UNAVAILABLE', 'the client could not connect in time');
  if (/timed out/.test(message)) return new DriverError('TIMEOUT', 'the client gave up waiting');
  return connectionLost('the connection was lost', error);
}
