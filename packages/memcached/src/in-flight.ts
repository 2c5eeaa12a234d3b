import type { ReceivedFrame } from './parser.ts';
import { ProtocolError } from './protocol.ts';
import { Queue } from './queue.ts';
import type { Request } from './request.ts';

interface InFlight {
  readonly request: Request;
  readonly opaque: number;
  /** The lowest frame index that the next response may have. */
  next: number;
}

/** The requests of one connection that wait for responses. Responses come in the order of the requests. */
export class InFlightRequests {
  readonly #queue = new Queue<InFlight>();
  #opaque = 0;

  get length(): number {
    return this.#queue.length;
  }

  /** Returns the opaque of the request's first frame. */
  add(request: Request): number {
    const opaque = this.#opaque;
    this.#opaque = (opaque + request.size) >>> 0;
    this.#queue.push({ request, opaque, next: 0 });
    return opaque;
  }

  /** Passes a frame to the oldest request. Throws if it belongs to another request or is out of order. */
  receive(frame: ReceivedFrame): void {
    const oldest = this.#queue.first;
    if (oldest === undefined) throw new ProtocolError('a response that nobody asked for');
    const index = (frame.opaque - oldest.opaque) >>> 0;
    if (index < oldest.next || index >= oldest.request.size) throw new ProtocolError('a response to something else');
    oldest.next = index + 1;
    if (oldest.request.receive(index, frame)) this.#queue.shift();
  }

  /** The deadline of the oldest request, on the clock of `performance.now()`. */
  get oldestDeadline(): number {
    return this.#queue.first?.request.call.deadline ?? Number.POSITIVE_INFINITY;
  }

  /** Whether a request has a deadline after a time on the clock of `performance.now()`. */
  hasDeadlineAfter(time: number): boolean {
    return this.#queue.some(({ request }) => request.call.deadline > time);
  }

  clear(): readonly Request[] {
    return this.#queue.clear().map(({ request }) => request);
  }
}
