import type { Socket } from 'node:net';
import { DriverError } from '@ninefold/core';
import { lost, refusedGreeting, refusedLogin, unconnected } from './failures.ts';
import { Parser, type Received } from './parser.ts';
import { ANSWER, encode, Opcode, Status } from './protocol.ts';
import { Queue } from './queue.ts';
import type { Request } from './request.ts';
import { openSocket, type Place } from './socket.ts';

/**
 * The opaque of the first frame. It holds line ends, so that a server of the text protocol takes the frame for a line and
 * refuses it, instead of waiting for more; nothing else is sent before the answer.
 */
const GREETING = 0x0d0a0d0a;
/** Milliseconds without a byte after which a connection that owes answers gets no more requests. */
const SILENCE_MS = 1000;
/** Milliseconds after the last deadline of its requests before a connection is ended. */
const GRACE_MS = 100;
/** Milliseconds without an answer after which a server under TLS is sent something, and bytes that let that happen. */
const POKE_MS = 50;
const POKE_BYTES = 16 * 1024;
/** Bytes that wait for the system to take them before further requests wait, too. */
const MOST_BUFFERED = 1024 * 1024;

interface Sent {
  readonly request: Request;
  readonly opaque: number;
  /** The next answer has this index or a higher one. */
  next: number;
}

/** One socket and all that is known of it. Once it has failed it takes and gives nothing more. */
export class Connection {
  readonly #place: Place;
  readonly #socket: Socket;
  readonly #ended: (connection: Connection) => void;
  readonly #parser = new Parser();
  #state: 'greeting' | 'open' | 'blocked' | 'closed' = 'greeting';
  readonly #waiting = new Queue<Request>();
  readonly #sent = new Queue<Sent>();
  #opaque = 0;
  #corked = false;
  #heard = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #error: unknown;

  /** `ended` is told once, before the requests that fail with the connection. */
  constructor(place: Place, ended: (connection: Connection) => void) {
    this.#place = place;
    this.#ended = ended;
    this.#socket = openSocket(place, { ready: () => this.#greet(), read: (bytes) => this.#read(bytes) });
    this.#socket.on('drain', () => this.#unblock());
    this.#socket.on('error', (error) => {
      this.#error = error;
    });
    this.#socket.on('end', () => this.#lose('the server closed the connection'));
    this.#socket.on('close', () => this.#lose('the connection was lost'));
    this.#after(place.timeoutMs, () => this.fail(unconnected(`no connection within ${place.timeoutMs} ms`)));
  }

  /** Has been silent for too long to be trusted with another request. */
  get silent(): boolean {
    return this.#sent.length > 0 && performance.now() - this.#heard > Math.min(SILENCE_MS, this.#place.timeoutMs);
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
    for (const { request } of this.#sent.clear()) request.fail(error);
    const unsent = new DriverError(error.code, error.message, { ...error.options, applied: 'no' });
    for (const request of this.#waiting.clear()) {
      request.written?.();
      request.fail(unsent);
    }
  }

  #lose(reason: string): void {
    this.fail(this.#state === 'greeting' ? unconnected(reason, this.#error) : lost(reason, this.#error));
  }

  #greet(): void {
    const { login } = this.#place;
    const frame =
      login === undefined
        ? { opcode: Opcode.noop }
        : { opcode: Opcode.saslAuth, key: 'PLAIN', value: `\0${login.username}\0${login.password}` };
    this.#socket.write(encode([frame], GREETING));
  }

  #welcome({ status, opaque }: Received): void {
    if (opaque !== GREETING) this.fail(unconnected('the server answered what was not asked'));
    else if (status !== Status.ok) {
      this.fail(refusedLogin(this.#place.login === undefined ? Status.authError : status));
    } else {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#state = 'open';
      this.#pump();
    }
  }

  #pump(): void {
    while (this.#state === 'open') {
      const request = this.#waiting.shift();
      if (request === undefined) return;
      // Whoever has given up is not sent for.
      if (!request.call.ended) this.#write(request);
      request.written?.();
    }
  }

  #write(request: Request): void {
    const opaque = this.#opaque;
    this.#opaque = (opaque + request.size) >>> 0;
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.#socket.uncork();
      });
    }
    if (this.#sent.length === 0) this.#heard = performance.now();
    this.#sent.push({ request, opaque, next: 0 });
    request.call.sent = true;
    const bytes = request.encode(opaque);
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
    try {
      if (this.#state === 'greeting' && bytes[0] !== ANSWER) this.fail(refusedGreeting(bytes));
      this.#parser.read(bytes, (answer) => {
        if (this.#state === 'greeting') this.#welcome(answer);
        else if (this.#state !== 'closed') this.#match(answer);
      });
    } catch {
      this.#lose('the server’s answers are out of step');
    }
  }

  #match(answer: Received): void {
    const oldest = this.#sent.first;
    if (oldest === undefined) throw new Error('an answer that nobody asked for');
    const index = (answer.opaque - oldest.opaque) >>> 0;
    if (index < oldest.next || index >= oldest.request.size) throw new Error('an answer to something else');
    oldest.next = index + 1;
    if (oldest.request.take(index, answer)) this.#sent.shift();
  }

  /** While answers are due: ends the connection once all who wait for them have given up. */
  #watch(): void {
    this.#after(SILENCE_MS, () => {
      this.#timer = undefined;
      if (this.#sent.length === 0) return;
      const over = performance.now() - GRACE_MS;
      if (this.#sent.some(({ request }) => request.call.deadline > over)) this.#watch();
      else this.#lose('the server fell silent');
    });
  }

  /**
   * A memcached under TLS (1.6.38 too) that has refused a large value leaves what follows it in the same record unread until
   * more comes.
   */
  #poke(request: Request): void {
    setTimeout(() => {
      if (!this.#sent.some((sent) => sent.request === request)) return;
      if (this.#state === 'open' && performance.now() - this.#heard >= POKE_MS) {
        const { deadline } = request.call;
        const call = { deadline, ended: false, sent: true };
        const encodeNoop = (opaque: number): Buffer => encode([{ opcode: Opcode.noop }], opaque);
        this.#write({ call, size: 1, encode: encodeNoop, take: () => true, fail: () => undefined });
      }
      this.#poke(request);
    }, POKE_MS).unref();
  }

  /** One turn later than the time is over: what has been received meanwhile is read first. */
  #after(milliseconds: number, act: () => void): void {
    this.#timer = setTimeout(() => {
      this.#timer = setTimeout(act, 0);
      this.#timer.unref();
    }, milliseconds);
    this.#timer.unref();
  }
}
