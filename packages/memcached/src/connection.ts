import type { Socket } from 'node:net';
import { DriverError } from '@ninefold/core';
import { connectionLost, notConnected, unexpectedError } from './failures.ts';
import { HandshakeReader, handshakeError, handshakeFrame } from './handshake.ts';
import { InFlightRequests } from './in-flight.ts';
import { Parser, type ReceivedFrame } from './parser.ts';
import { encode, Opcode, ProtocolError } from './protocol.ts';
import { Queue } from './queue.ts';
import type { Request } from './request.ts';
import { openSocket, type ServerConfig } from './socket.ts';

/** Milliseconds without a byte after which a connection that owes answers gets no more requests. */
const SILENCE_MS = 1000;
/** Milliseconds past the first deadline of its requests before a connection gets no more, past the last before it ends. */
const GRACE_MS = 100;
/** Milliseconds without an answer after which a server under TLS is sent something, and bytes that let that happen. */
const PROBE_MS = 50;
const PROBE_BYTES = 16 * 1024;
/** Bytes that wait for the system to take them before further requests wait, too. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** One socket and all that is known of it. Once it has failed it takes and gives nothing more. */
export class Connection {
  readonly #config: ServerConfig;
  readonly #socket: Socket;
  readonly #onEnd: (connection: Connection) => void;
  readonly #handshake = new HandshakeReader();
  readonly #parser = new Parser();
  #state: 'handshake' | 'open' | 'blocked' | 'closed' = 'handshake';
  readonly #waiting = new Queue<Request>();
  readonly #inFlight = new InFlightRequests();
  #retired = false;
  #lastActivity = performance.now();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #error: unknown;

  /** `onEnd` is told once, before the requests that fail with the connection. */
  constructor(config: ServerConfig, onEnd: (connection: Connection) => void) {
    this.#config = config;
    this.#onEnd = onEnd;
    this.#socket = openSocket(config, {
      ready: () => this.#socket.write(handshakeFrame(config)),
      read: (bytes) => this.#read(bytes),
    });
    this.#socket.on('drain', () => this.#resume());
    this.#socket.on('error', (error) => {
      this.#error = error;
    });
    this.#socket.on('end', () => this.#disconnect('the server closed the connection'));
    this.#socket.on('close', () => this.#disconnect('the connection was lost'));
    this.#setTimer(config.timeoutMs, () => this.fail(this.#handshake.refusal ?? this.#handshakeTimeout()));
  }

  /** Gets no more requests, and ends once those that it has are answered. */
  retire(): void {
    this.#retired = true;
  }

  /** Has been silent for too long to be trusted with another request, or dripped past the deadline of its oldest. */
  get isStalled(): boolean {
    if (this.#state !== 'handshake' && this.#inFlight.length === 0) return false;
    // Nothing can be heard in the tick that asks, however long it takes.
    if (this.#socket.writableCorked > 0) return false;
    const now = performance.now();
    return (
      now - this.#lastActivity > Math.min(SILENCE_MS, this.#config.timeoutMs) ||
      now - this.#inFlight.oldestDeadline > GRACE_MS
    );
  }

  send(request: Request): void {
    this.#waiting.push(request);
    this.#pump();
  }

  /** Ends the connection and everything on it. */
  fail(error: DriverError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#timer);
    this.#socket.destroy();
    this.#onEnd(this);
    for (const request of this.#inFlight.clear()) request.fail(error);
    const unsent = new DriverError(error.code, error.message, { ...error.options, applied: 'no' });
    for (const request of this.#waiting.clear()) {
      request.written?.();
      request.fail(unsent);
    }
  }

  #disconnect(reason: string): void {
    const unanswered = this.#config.tls === undefined && this.#socket.bytesRead === 0;
    if (this.#state !== 'handshake') this.fail(connectionLost(reason, this.#error));
    else this.fail(this.#handshake.refusal ?? notConnected(reason, { error: this.#error, unanswered }));
  }

  #handshakeTimeout(): DriverError {
    const { tls, timeoutMs } = this.#config;
    const within = `within ${timeoutMs} ms`;
    if (this.#socket.connecting) return notConnected(`no connection ${within}`);
    // A server that speaks no TLS may wait for more of what it takes for a line.
    const hint = tls !== undefined && this.#socket.bytesRead === 0 ? ', and may speak no TLS' : '';
    return notConnected(`no answer ${within}${hint}`);
  }

  #completeHandshake(frame: ReceivedFrame): void {
    const refusal = handshakeError(this.#config, frame);
    if (refusal !== undefined) {
      this.fail(refusal);
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#state = 'open';
    this.#pump();
  }

  #pump(): void {
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    while (this.#state === 'open') {
      const request = this.#waiting.shift();
      if (request === undefined) return;
      // Whoever has given up is not sent for.
      if (!request.call.ended) this.#write(request);
      request.written?.();
    }
  }

  #write(request: Request): void {
    if (this.#inFlight.length === 0) this.#lastActivity = performance.now();
    const bytes = request.encode(this.#inFlight.add(request));
    request.call.sent = true;
    const taken = this.#socket.write(bytes);
    if (this.#config.tls !== undefined && bytes.length > PROBE_BYTES) this.#probeTls(request);
    if (!taken && this.#socket.writableLength > MAX_BUFFERED_BYTES) this.#state = 'blocked';
    if (this.#timer === undefined) this.#watchSilence();
  }

  #resume(): void {
    // Whoever takes bytes is not silent.
    this.#lastActivity = performance.now();
    if (this.#state !== 'blocked') return;
    this.#state = 'open';
    this.#pump();
  }

  #read(bytes: Buffer): void {
    this.#lastActivity = performance.now();
    if (this.#state === 'handshake') {
      const verdict = this.#handshake.read(bytes);
      if (verdict === 'refused') this.#disconnect('the server answered something else');
      if (verdict !== 'response') return;
    }
    if (this.#state === 'closed') return;
    try {
      this.#parser.read(bytes, (frame) => {
        if (this.#state === 'handshake') this.#completeHandshake(frame);
        else if (this.#state !== 'closed') this.#inFlight.receive(frame);
      });
      this.#endIfIdle();
    } catch (error) {
      // Nothing that comes after it can be believed.
      if (error instanceof ProtocolError) this.#disconnect('the server’s answers are out of step');
      else this.fail(unexpectedError(error));
    }
  }

  #endIfIdle(): void {
    if (!this.#retired || this.#inFlight.length > 0 || this.#waiting.length > 0) return;
    this.fail(notConnected('the connection was given up'));
  }

  /** While answers are due: ends the connection once all who wait for them have given up. */
  #watchSilence(): void {
    this.#setTimer(SILENCE_MS, () => {
      // Another turn: after a stall, calls whose deadlines have passed end first.
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        if (this.#inFlight.length === 0) return;
        if (this.#inFlight.hasDeadlineAfter(performance.now() - GRACE_MS)) this.#watchSilence();
        else this.#disconnect('the server fell silent');
      }, 0);
    });
  }

  /**
   * A memcached under TLS (1.6.38 too) that has refused a large value leaves what follows it in the same record unread until
   * more comes.
   */
  #probeTls(request: Request): void {
    setTimeout(() => {
      if (!this.#inFlight.has(request)) return;
      if (this.#state === 'open' && performance.now() - this.#lastActivity >= PROBE_MS) {
        const { deadline } = request.call;
        const call = { deadline, ended: false, sent: true };
        const encodeNoop = (opaque: number): Buffer => encode([{ opcode: Opcode.noop }], opaque);
        this.#write({ call, size: 1, encode: encodeNoop, receive: () => true, fail: () => undefined });
      }
      this.#probeTls(request);
    }, PROBE_MS).unref();
  }

  /** One turn later than the time is over: what has been received meanwhile is read first. */
  #setTimer(milliseconds: number, act: () => void): void {
    this.#timer = setTimeout(() => {
      this.#timer = setTimeout(act, 0);
    }, milliseconds);
  }
}
