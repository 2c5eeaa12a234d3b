import type { Socket } from 'node:net';
import type { DriverError } from '@ninefold/core';
import { Corking } from './corking.ts';
import { connectionLost, notConnected, unexpectedError } from './failures.ts';
import { HandshakeReader, handshakeError, handshakeFrame } from './handshake.ts';
import { InFlightRequests } from './in-flight.ts';
import { Parser, type ReceivedFrame } from './parser.ts';
import { encode, Opcode, ProtocolError } from './protocol.ts';
import { Queue } from './queue.ts';
import type { Request } from './request.ts';
import { openSocket, type ServerConfig } from './socket.ts';

/**
 * Minimum milliseconds that an attempt to connect may take, handshake included. With the deadline of calls that are answered in
 * one round trip, no connection to a distant server would ever be made, above all with TLS.
 */
const MIN_ATTEMPT_MS = 500;
/** Maximum milliseconds without a byte after which a connection with requests in flight gets no more of them. */
const MAX_SILENCE_MS = 1000;
/** Share of a call's time after which that is so: before the call rejects, so that the next one is sent on a new connection. */
const SILENCE_SHARE = 0.9;
/** Milliseconds past the oldest deadline until a connection gets no more requests, and past the latest until it ends. */
const GRACE_MS = 100;
/** Bytes in one TLS record, and in memcached's read buffer. */
const RECORD_BYTES = 16 * 1024;
/** Bytes in the socket's write buffer above which further requests wait for `drain`. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

interface ConnectionListener {
  /** Called when the handshake has succeeded, before anything else is sent. */
  readonly opened: (connection: Connection) => void;
  /** Called once, before the requests of the connection fail. */
  readonly ended: (connection: Connection) => void;
}

/** One socket, its handshake and its requests, waiting or in flight. Once it has failed, it stays closed. */
export class Connection {
  readonly #config: ServerConfig;
  readonly #socket: Socket;
  readonly #corking: Corking;
  readonly #listener: ConnectionListener;
  /** Milliseconds for connecting and the handshake. They may go on after the deadlines of the calls that wait for them. */
  readonly #attemptMs: number;
  readonly #handshake = new HandshakeReader();
  readonly #parser = new Parser();
  /** Whether it ends after the responses to its requests. It is sent no more then. */
  retired = false;
  #state: 'handshake' | 'open' | 'blocked' | 'closed' = 'handshake';
  readonly #waiting = new Queue<Request>();
  readonly #inFlight = new InFlightRequests();
  #lastActivity = performance.now();
  /**
   * Whether it owes a response and has been silent for too long, or is past the deadline of its oldest request. Found by a timer,
   * not when it is asked for: bytes that arrived during a stall of the event loop are still to be read.
   */
  #stalled = false;
  /** Under TLS: bytes written since the socket last had nothing left to write. */
  #burstBytes = 0;
  /** Ends the handshake when its time is over. */
  #handshakeTimer: ReturnType<typeof setTimeout> | undefined;
  /** While a response is owed. */
  #watchTimer: ReturnType<typeof setTimeout> | undefined;
  #error: unknown;

  constructor(config: ServerConfig, listener: ConnectionListener) {
    this.#config = config;
    this.#listener = listener;
    this.#attemptMs = Math.max(config.timeoutMs, MIN_ATTEMPT_MS);
    this.#socket = openSocket(config, {
      ready: () => this.#socket.write(handshakeFrame(config)),
      read: (bytes) => this.#read(bytes),
    });
    this.#corking = new Corking(this.#socket);
    this.#socket.on('drain', () => this.#resume());
    this.#socket.on('error', (error) => {
      this.#error = error;
    });
    this.#socket.on('end', () => this.#disconnect('the server closed the connection'));
    this.#socket.on('close', () => this.#disconnect('the connection was lost'));
    this.#handshakeTimer = setTimeout(() => {
      this.#handshakeTimer = setTimeout(() => this.fail(this.#handshake.refusal ?? this.#handshakeTimeout()), 0);
    }, this.#attemptMs);
    this.#watch();
  }

  /** Whether its handshake is not over. */
  get isConnecting(): boolean {
    return this.#state === 'handshake';
  }

  get isStalled(): boolean {
    return this.#stalled;
  }

  send(request: Request): void {
    this.#waiting.push(request);
    this.#pump();
  }

  /** Ends the connection and fails all its requests. */
  fail(error: DriverError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#handshakeTimer);
    clearTimeout(this.#watchTimer);
    this.#socket.destroy();
    this.#listener.ended(this);
    for (const request of this.#inFlight.clear()) request.fail(error);
    for (const request of this.#waiting.clear()) {
      request.written?.();
      request.fail(error);
    }
  }

  #disconnect(reason: string): void {
    const unanswered = this.#config.tls === undefined && this.#socket.bytesRead === 0;
    if (this.#state !== 'handshake') this.fail(connectionLost(reason, this.#error));
    else this.fail(this.#handshake.refusal ?? notConnected(reason, { error: this.#error, unanswered }));
  }

  #handshakeTimeout(): DriverError {
    const within = `within ${this.#attemptMs} ms`;
    if (this.#socket.connecting) return notConnected(`no connection ${within}`);
    // A server without TLS may take the TLS handshake for an incomplete line and wait for more.
    const hint =
      this.#config.tls !== undefined && this.#socket.bytesWritten === 0 ? '; the server may not speak TLS' : '';
    return notConnected(`no answer ${within}${hint}`);
  }

  #completeHandshake(frame: ReceivedFrame): void {
    const refusal = handshakeError(this.#config, frame);
    if (refusal !== undefined) {
      this.fail(refusal);
      return;
    }
    clearTimeout(this.#handshakeTimer);
    clearTimeout(this.#watchTimer);
    this.#watchTimer = undefined;
    this.#state = 'open';
    this.#listener.opened(this);
    this.#pump();
  }

  #pump(): void {
    this.#corking.cork({ alone: this.#inFlight.length === 0 && this.#waiting.length === 1 });
    while (this.#state === 'open') {
      const request = this.#waiting.shift();
      if (request === undefined) return;
      // A call that has rejected is never sent.
      if (!request.call.ended) this.#write(request);
      request.written?.();
    }
  }

  #write(request: Request): void {
    const isFirst = this.#inFlight.length === 0;
    const bytes = request.encode(this.#inFlight.add(request));
    request.call.sent = true;
    const taken =
      this.#config.tls === undefined ? this.#socket.write(bytes) : this.#writeTls(bytes, request.call.deadline);
    // After encoding, which may take its time.
    if (isFirst) this.#lastActivity = performance.now();
    if (!taken && this.#socket.writableLength > MAX_BUFFERED_BYTES) this.#state = 'blocked';
    if (this.#watchTimer === undefined) this.#watch();
  }

  #resume(): void {
    // A server that reads is not silent.
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
    try {
      this.#parser.read(bytes, (frame) => {
        if (this.#state === 'handshake') this.#completeHandshake(frame);
        else if (this.#state !== 'closed') this.#inFlight.receive(frame);
      });
      // The server may have answered a request before it has read all of it. The next one shows whether it still reads.
      if (this.#inFlight.length === 0) this.#resume();
      if (this.#stalled && !this.#isLateAt(this.#lastActivity)) this.#recover();
      this.#endIfIdle();
    } catch (error) {
      // Later responses could be matched to the wrong requests.
      if (error instanceof ProtocolError) this.#disconnect('the server’s responses are out of step');
      else this.fail(unexpectedError(error));
    }
  }

  #endIfIdle(): void {
    if (!this.retired || this.#inFlight.length > 0 || this.#waiting.length > 0) return;
    this.fail(notConnected('the connection was given up'));
  }

  /** While it owes a response: looks whether it is stalled, and ends it once all deadlines have passed. */
  #watch(): void {
    const stallsAt = Math.min(this.#lastActivity + this.#silenceMs, this.#inFlight.oldestDeadline + GRACE_MS);
    const waitMs = this.#stalled ? MAX_SILENCE_MS : Math.max(0, Math.ceil(stallsAt - performance.now()));
    // Bytes already received are read one turn after the time is over. A stall may begin in between. In another turn, calls whose
    // deadlines have passed end first.
    this.#watchTimer = setTimeout(() => {
      const over = performance.now();
      this.#watchTimer = setTimeout(() => {
        this.#watchTimer = setTimeout(() => this.#check(over), 0);
      }, 0);
    }, waitMs);
  }

  /** It was stalled and has answered: the next look is due earlier. */
  #recover(): void {
    this.#stalled = false;
    clearTimeout(this.#watchTimer);
    if (this.#state !== 'closed') this.#watch();
  }

  #check(now: number): void {
    this.#watchTimer = undefined;
    if (this.#state !== 'handshake') {
      if (this.#inFlight.length === 0) return;
      if (!this.#inFlight.hasDeadlineAfter(now - GRACE_MS)) {
        this.#disconnect('the server fell silent');
        return;
      }
    }
    this.#stalled ||= now - this.#lastActivity >= this.#silenceMs || this.#isLateAt(now);
    this.#watch();
  }

  /** Milliseconds without a byte after which it is stalled. */
  get #silenceMs(): number {
    const callMs = this.#state === 'handshake' ? this.#attemptMs : this.#config.timeoutMs;
    return Math.min(MAX_SILENCE_MS, SILENCE_SHARE * callMs);
  }

  #isLateAt(now: number): boolean {
    return now - this.#inFlight.oldestDeadline >= GRACE_MS;
  }

  /**
   * After every burst of more than one TLS record, sends a NOOP in a record of its own. memcached (even 1.6.38) may take only a
   * part of a record, and returns for the rest only when its socket has more bytes: those of the NOOP stay there until all
   * before them are read. A burst of one record fits into its read buffer.
   */
  #writeTls(bytes: Buffer, deadline: number): boolean {
    // Node joins the writes that it buffers, and fills records with them.
    if (this.#socket.writableLength === 0) this.#burstBytes = 0;
    this.#burstBytes += bytes.length;
    if (this.#burstBytes <= RECORD_BYTES) return this.#socket.write(bytes);
    return this.#socket.write(bytes, (error) => {
      const goesOn = this.#socket.writableLength > 0 || this.#burstBytes <= RECORD_BYTES;
      if (error || goesOn || this.#inFlight.length === 0) return;
      const call = { deadline, ended: false, sent: true };
      const encodeNoop = (opaque: number): Buffer => encode([{ opcode: Opcode.noop }], opaque);
      this.#write({ call, size: 1, encode: encodeNoop, receive: () => true, fail: () => undefined });
    });
  }
}
