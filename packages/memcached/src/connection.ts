import type { Socket } from 'node:net';
import { DriverError } from '@ninefold/core';
import { lost, unconnected, unexpected } from './failures.ts';
import { Beginning, greeting, refusalOfAnswer } from './greeting.ts';
import { Parser, type Received } from './parser.ts';
import { encode, Opcode, OutOfStep } from './protocol.ts';
import { Queue } from './queue.ts';
import type { Request } from './request.ts';
import { SentRequests } from './sent.ts';
import { openSocket, type Place } from './socket.ts';

/** Milliseconds without a byte after which a connection that owes answers gets no more requests. */
const SILENCE_MS = 1000;
/** Milliseconds past the first deadline of its requests before a connection gets no more, past the last before it ends. */
const GRACE_MS = 100;
/** Milliseconds without an answer after which a server under TLS is sent something, and bytes that let that happen. */
const POKE_MS = 50;
const POKE_BYTES = 16 * 1024;
/** Bytes that wait for the system to take them before further requests wait, too. */
const MOST_BUFFERED = 1024 * 1024;

/** One socket and all that is known of it. Once it has failed it takes and gives nothing more. */
export class Connection {
  readonly #place: Place;
  readonly #socket: Socket;
  readonly #ended: (connection: Connection) => void;
  readonly #beginning = new Beginning();
  readonly #parser = new Parser();
  #state: 'greeting' | 'open' | 'blocked' | 'closed' = 'greeting';
  readonly #waiting = new Queue<Request>();
  readonly #sent = new SentRequests();
  #retired = false;
  #heard = performance.now();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #error: unknown;

  /** `ended` is told once, before the requests that fail with the connection. */
  constructor(place: Place, ended: (connection: Connection) => void) {
    this.#place = place;
    this.#ended = ended;
    this.#socket = openSocket(place, {
      ready: () => this.#socket.write(greeting(place)),
      read: (bytes) => this.#read(bytes),
    });
    this.#socket.on('drain', () => this.#unblock());
    this.#socket.on('error', (error) => {
      this.#error = error;
    });
    this.#socket.on('end', () => this.#lose('the server closed the connection'));
    this.#socket.on('close', () => this.#lose('the connection was lost'));
    this.#after(place.timeoutMs, () => this.#lose(`no connection within ${place.timeoutMs} ms`));
  }

  /** Gets no more requests, and ends once those that it has are answered. */
  retire(): void {
    this.#retired = true;
  }

  /** Has been silent for too long to be trusted with another request, or dripped past the deadline of its oldest. */
  get late(): boolean {
    if (this.#state !== 'greeting' && this.#sent.length === 0) return false;
    // Nothing can be heard in the tick that asks, however long it takes.
    if (this.#socket.writableCorked > 0) return false;
    const now = performance.now();
    return now - this.#heard > Math.min(SILENCE_MS, this.#place.timeoutMs) || now - this.#sent.due > GRACE_MS;
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
    this.#ended(this);
    for (const request of this.#sent.clear()) request.fail(error);
    const unsent = new DriverError(error.code, error.message, { ...error.options, applied: 'no' });
    for (const request of this.#waiting.clear()) {
      request.written?.();
      request.fail(unsent);
    }
  }

  #lose(reason: string): void {
    if (this.#state !== 'greeting') this.fail(lost(reason, this.#error));
    else this.fail(this.#beginning.refusal ?? unconnected(reason, this.#error));
  }

  #welcome(answer: Received): void {
    const refusal = refusalOfAnswer(this.#place, answer);
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
    if (this.#sent.length === 0) this.#heard = performance.now();
    const bytes = request.encode(this.#sent.add(request));
    request.call.sent = true;
    const taken = this.#socket.write(bytes);
    if (this.#place.tls !== undefined && bytes.length > POKE_BYTES) this.#poke(request);
    if (!taken && this.#socket.writableLength > MOST_BUFFERED) this.#state = 'blocked';
    if (this.#timer === undefined) this.#watch();
  }

  #unblock(): void {
    // Whoever takes bytes is not silent.
    this.#heard = performance.now();
    if (this.#state !== 'blocked') return;
    this.#state = 'open';
    this.#pump();
  }

  #read(bytes: Buffer): void {
    this.#heard = performance.now();
    if (this.#state === 'greeting') {
      const begins = this.#beginning.read(bytes);
      if (begins === 'refused') this.#lose('the server answered something else');
      if (begins !== 'answer') return;
    }
    if (this.#state === 'closed') return;
    try {
      this.#parser.read(bytes, (answer) => {
        if (this.#state === 'greeting') this.#welcome(answer);
        else if (this.#state !== 'closed') this.#sent.take(answer);
      });
      this.#rest();
    } catch (error) {
      // Nothing that comes after it can be believed.
      if (error instanceof OutOfStep) this.#lose('the server’s answers are out of step');
      else this.fail(unexpected(error));
    }
  }

  #rest(): void {
    if (!this.#retired || this.#sent.length > 0 || this.#waiting.length > 0) return;
    this.fail(unconnected('the connection was given up'));
  }

  /** While answers are due: ends the connection once all who wait for them have given up. */
  #watch(): void {
    this.#after(SILENCE_MS, () => {
      this.#timer = undefined;
      if (this.#sent.length === 0) return;
      if (this.#sent.awaitedAt(performance.now() - GRACE_MS)) this.#watch();
      else this.#lose('the server fell silent');
    });
  }

  /**
   * A memcached under TLS (1.6.38 too) that has refused a large value leaves what follows it in the same record unread until
   * more comes.
   */
  #poke(request: Request): void {
    setTimeout(() => {
      if (!this.#sent.has(request)) return;
      if (this.#state === 'open' && performance.now() - this.#heard >= POKE_MS) {
        const { deadline } = request.call;
        const call = { deadline, ended: false, sent: true };
        const encodeNoop = (opaque: number): Buffer => encode([{ opcode: Opcode.noop }], opaque);
        this.#write({ call, size: 1, encode: encodeNoop, take: () => true, fail: () => undefined });
      }
      this.#poke(request);
    }, POKE_MS).unref();
  }

  /** Two turns later than the time is over: what was received meanwhile is read first, then calls whose deadlines passed end. */
  #after(milliseconds: number, act: () => void): void {
    this.#timer = setTimeout(() => {
      this.#timer = setTimeout(() => {
        this.#timer = setTimeout(act, 0);
      }, 0);
    }, milliseconds);
  }
}
