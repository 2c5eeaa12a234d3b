import type { DriverError } from '@ninefold/core';
import { refusedGreeting, refusedLogin, unconnected } from './failures.ts';
import { ANSWER, encode, Opcode, Status } from './protocol.ts';
import type { Place } from './socket.ts';

/**
 * The opaque of the first frame. It holds line ends, so that a server of the text protocol takes the frame for a line and
 * refuses it, instead of waiting for more; nothing else is sent before the answer.
 */
const OPAQUE = 0x0d0a0d0a;

/** The first frame of a connection: the login, or a NOOP. */
export function greeting({ login }: Place): Buffer {
  if (login === undefined) return encode([{ opcode: Opcode.noop }], OPAQUE);
  const value = `\0${login.username}\0${login.password}`;
  return encode([{ opcode: Opcode.saslAuth, key: 'PLAIN', value }], OPAQUE);
}

/** Why what a server begins with is no answer of its, or `undefined`. */
export function refusalOfBytes(bytes: Buffer): DriverError | undefined {
  return bytes[0] === ANSWER ? undefined : refusedGreeting(bytes);
}

/** Why an answer to the greeting is no welcome, or `undefined`. */
export function refusalOfAnswer(
  { login }: Place,
  { status, opaque }: { readonly status: number; readonly opaque: number },
): DriverError | undefined {
  if (opaque !== OPAQUE) return unconnected('the server answered what was not asked');
  if (status === Status.ok) return undefined;
  return refusedLogin(login === undefined ? Status.authError : status);
}
