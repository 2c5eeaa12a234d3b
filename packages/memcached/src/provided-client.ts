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

class ProvidedClientChannel implements Channel {
  readonly #client: MemjsClient;
  readonly #server: MemjsServer;

  constructor(client: MemjsClient, server: MemjsServer) {
    this.#client = client;
    this.#server = server;
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
    this.#server.onError(opaques[last] as number, (error) => request.fail(providedClientError(error)));
    request.call.sent = true;
    this.#server.write(request.encode(opaques[0] as number));
    request.written?.();
  }
}

/** memjs's messages name the server, so they are replaced by what they mean. */
function providedClientError(error: unknown): DriverError {
  if (typeof error === 'string') return refusedLogin(Status.authError);
  const { message } = error as Error;
  if (/timed out connecting/.test(message)) return notConnected('the client could not connect in time');
  if (/timed out/.test(message)) return new DriverError('TIMEOUT', 'the client gave up waiting');
  return connectionLost('the connection was lost', error);
}
