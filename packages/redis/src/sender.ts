import type { Call } from '@ninefold/core';

export type Argument = string | number;

export interface Command {
  readonly name: string;
  readonly args: Argument[];
  /** The first key: where in a cluster the command goes. */
  readonly key: string;
}

/** What sending needs to know of a call, and tells it. */
export type CallState = Pick<Call, 'ended' | 'sent'>;

/** A way to the server or servers. */
export interface Sender {
  /** Of a cluster: the slot of a key. Keys of different slots cannot share a command. */
  readonly slotOf?: ((key: string) => number) | undefined;
  /** Whether a command is handed over at once, so that no call can end before it is sent. */
  readonly ready: boolean;
  /** Whether a command may be sent that the server, or what is before it, may not know. */
  readonly mayProbe: boolean;
  /** Sends a command, once; rejects with a `DriverError`. Resolves `undefined` for a call that ended before it was sent. */
  send(call: CallState, command: Command): Promise<unknown>;
  close(): void;
}
