import type { ReceivedFrame } from './parser.ts';
import { ProtocolError } from './protocol.ts';
import { Queue } from './queue.ts';
import type { Request } from './request.ts';

interface InFlight {
  readonly request: Request;
  readonly opaque: number;
  /** The next answer has this index or a higher one. */
  next: number;
}

/** The requests of one connection that wait for answers, which come in their order. */
export class InFlightRequests {
  readonly #queue = new Queue<InFlight>();
  #opaque = 0;

  get length(): number {
    return this.#queue.length;
  }

  /** The first opaque of its frames. */
  add(request: Request): number {
    const opaque = this.#opaque;
    this.#opaque = (opaque + request.size) >>> 0;
    this.#queue.push({ request, opaque, next: 0 });
    return opaque;
  }

  /** Gives an answer to the oldest request; throws if it is none to that, or out of order. */
  receive(frame: ReceivedFrame): void {
    const oldest = this.#queue.first;
    if (oldest === undefined) throw new ProtocolError('an answer that nobody asked for');
    const index = (frame.opaque - oldest.opaque) >>> 0;
    if (index < oldest.next || index >= oldest.request.size) throw new ProtocolError('an answer to something else');
    oldest.next = index + 1;
    if (oldest.request.receive(index, frame)) this.#queue.shift();
  }

  /** When the oldest is given up, on the clock of `performance.now()`. */
  get oldestDeadline(): number {
    return this.#queue.first?.request.call.deadline ?? Number.POSITIVE_INFINITY;
  }

  has(request: Request): boolean {
    return this.#queue.some((entry) => entry.request === request);
  }

  /** Whether somebody still waits at a time on the clock of `performance.now()`. */
  hasDeadlineAfter(time: number): boolean {
    return this.#queue.some(({ request }) => request.call.deadline > time);
  }

  clear(): readonly Request[] {
    return this.#queue.clear().map(({ request }) => request);
  }
}
