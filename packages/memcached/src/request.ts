import type { Call, DriverError } from '@ninefold/core';
import type { ResponseFrame } from './protocol.ts';

/** What is sent in one piece, and what becomes of it: `receive` until it says that it was the last, or `fail`, once. */
export interface Request {
  readonly call: Pick<Call, 'deadline' | 'ended' | 'sent'> & { sent: boolean };
  /** How many opaques its frames take. */
  readonly size: number;
  /** The frames, with consecutive opaques that begin with the one that is given. */
  encode(opaque: number): Buffer;
  /** An answer to one of its frames, counted from 0; true if no more will come. */
  receive(index: number, response: ResponseFrame): boolean;
  fail(error: DriverError): void;
  /** It has been handed to the socket, or will never be. */
  readonly written?: (() => void) | undefined;
}

/** Where requests for one server go. */
export interface Channel {
  send(request: Request): void;
}
