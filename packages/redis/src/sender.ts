import type { Call } from '@ninefold/core';

export type Argument = string | number;

export interface Command<T> {
  /** In lower case. ioredis looks names up in lower case, several times for each command, and would convert each time. */
  readonly name: string;
  readonly args: Argument[];
  /** The first key, whose slot says to which node of a cluster the command goes. */
  readonly key: string;
  /** What a reply means. Throws a `DriverError` for one that no server gives to this command. */
  readonly read: (reply: unknown) => T;
}

/** The part of a `Call` that a sender reads and sets. */
export type CallState = Pick<Call, 'ended' | 'sent'>;

/** Sends commands to the server or servers. */
export interface Sender {
  /** In a cluster, the slot of a key. Keys of different slots cannot share a command. */
  readonly slotOf?: ((key: string) => number) | undefined;
  /** Whether commands may be sent that the server, or a proxy before it, may not know. */
  readonly mayProbe: boolean;
  /**
   * Sends a command once, and resolves what its `read` makes of the reply. Rejects with a `DriverError`; resolves `undefined` if
   * the call ended before it was sent.
   */
  send<T>(call: CallState, command: Command<T>): Promise<T | undefined>;
  close(): void;
}

/** The `read` of a command whose reply may be anything. */
export function unread(reply: unknown): unknown {
  return reply;
}
