import { type Response, Server } from 'memjs';
import { Connection } from './connection.ts';
import { invalidConnectOptions, notConnected } from './failures.ts';
import { HEADER_BYTES, RESPONSE_MAGIC } from './protocol.ts';
import type { Channel, Request } from './request.ts';
import type { ServerConfig } from './socket.ts';

/** The callbacks that memjs registers for a request before it writes it. */
interface Registered {
  readonly seq: number;
  onResponse?: ((response: Response) => void) | undefined;
  onError?: ((error: Error) => void) | undefined;
}

/**
 * A server of a memjs client with our connections: all state belongs to one socket, and a response that is out of step
 * fails that socket with all its requests. The requests of memjs's own methods use the same connections.
 */
export class ManagedServer extends Server implements Channel {
  readonly #config: ServerConfig;
  readonly #connections = new Set<Connection>();
  #current: Connection | undefined;
  #closed = false;
  #registered: Registered = { seq: 0 };

  constructor(config: ServerConfig) {
    // Without a login here, memjs looks for one in the environment, for which Deno asks a permission. Ours is in the handshake.
    super(config.host, config.port, 'unused', 'unused');
    this.#config = config;
  }

  send(request: Request): void {
    if (this.#closed) {
      request.written?.();
      request.fail(notConnected('the connection was closed'));
      return;
    }
    // A stalled connection keeps its requests until their deadlines.
    if (this.#current?.isStalled) {
      this.#current.retired = true;
      this.#current = undefined;
    }
    let connection: Connection;
    try {
      connection = this.#current ?? this.#connect();
    } catch (error) {
      // Node throws for invalid options of `tls.connect`.
      request.written?.();
      request.fail(invalidConnectOptions(error));
      return;
    }
    connection.send(request);
  }

  #connect(): Connection {
    const connection = new Connection(this.#config, {
      opened: (opened) => this.#prefer(opened),
      ended: (ended) => {
        this.#connections.delete(ended);
        if (this.#current === ended) this.#current = undefined;
      },
    });
    this.#connections.add(connection);
    this.#current = connection;
    return connection;
  }

  /** Uses a connection whose handshake has taken long, unless another is open. Otherwise none would stay where all take long. */
  #prefer(opened: Connection): void {
    if (this.#current?.isConnecting === false) return;
    if (this.#current !== undefined) this.#current.retired = true;
    opened.retired = false;
    this.#current = opened;
  }

  override onResponse(seq: number, onResponse: (response: Response) => void): void {
    this.#registered = { seq, onResponse };
  }

  override onError(seq: number, onError: (error: Error) => void): void {
    this.#registered = { seq, onResponse: this.#registered.onResponse, onError };
  }

  override write(blob: Uint8Array | string): void {
    const { seq, onResponse, onError } = this.#registered;
    this.send({
      call: { deadline: performance.now() + this.#config.timeoutMs, ended: false, sent: false },
      size: 1,
      encode: (opaque) => {
        const bytes = Buffer.from(blob);
        bytes.writeUInt32BE(opaque, 12);
        return bytes;
      },
      receive: (_index, { status, bytes, casOffset, to }) => {
        // A copy: the parser reuses its bytes, and memjs passes them on.
        const frame = Buffer.from(bytes.subarray(casOffset - 16, to));
        const extrasLength = frame[4] as number;
        const keyAt = HEADER_BYTES + extrasLength;
        const valueAt = keyAt + frame.readUInt16BE(2);
        const header = {
          magic: RESPONSE_MAGIC,
          opcode: frame[1] as number,
          keyLength: valueAt - keyAt,
          extrasLength,
          dataType: 0,
          status,
          totalBodyLength: frame.length - HEADER_BYTES,
          opaque: seq,
          cas: frame.subarray(16, HEADER_BYTES),
        };
        const extras = frame.subarray(HEADER_BYTES, keyAt);
        try {
          onResponse?.({ header, extras, key: frame.subarray(keyAt, valueAt), val: frame.subarray(valueAt) });
        } catch (error) {
          // An error of the client's deserializer fails that call, not the connection.
          onError?.(error as Error);
        }
        return true;
      },
      fail: (error) => onError?.(error),
    });
  }

  override close(): void {
    this.#closed = true;
    for (const connection of [...this.#connections]) connection.fail(notConnected('the connection was closed'));
  }
}
