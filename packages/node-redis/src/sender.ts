import type { Call } from '@ninefold/core';

/** The method that a provided client needs. Clients and pools of redis 5 and 6 have it. */
export interface RedisClient {
  sendCommand(args: string[], options?: { readonly typeMapping: object }): Promise<unknown>;
}

export interface Sender {
  /**
   * Sends a command once, and sets `call.sent` before. Resolves what `read` makes of the reply; `read` throws a `DriverError`
   * for one that no server gives to this command. Rejects with a `DriverError`; resolves `undefined` if the call ended before it
   * was sent.
   */
  send<T>(call: Call, args: string[], read: (reply: unknown) => T): Promise<T | undefined>;
  close(): void;
}

/** Replies as plain text and numbers, whatever type mapping a provided client has. */
export const PLAIN = { typeMapping: {} };
