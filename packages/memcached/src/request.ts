import type { Call, DriverError } from '@ninefold/core';
import type { ResponseFrame } from './protocol.ts';

/** Frames that are written together. They end once: when `receive` returns true, or with `fail`. */
export interface Request {
  readonly call: Pick<Call, 'deadline' | 'ended' | 'sent'>;
  /** The number of frames, each with its own opaque. */
  readonly size: number;
  /** Encodes the frames, with consecutive opaques from `opaque` on. */
  encode(opaque: number): Buffer;
  /** Handles the response to the frame at `index`, counted from 0. Returns true if it is the last. */
  receive(index: number, response: ResponseFrame): boolean;
  fail(error: DriverError): void;
  /** Called when the request has been written to the socket, or never will be. */
  readonly written?: (() => void) | undefined;
}

/** Sends requests to one server. */
export interface Channel {
  send(request: Request): void;
}
