import type { DriverError } from '@ninefold/core';
import { notConnected, refusedHandshake, refusedLogin, refusedRequest } from './failures.ts';
import { encode, Opcode, RESPONSE_MAGIC, Status } from './protocol.ts';
import type { ServerConfig } from './socket.ts';

/**
 * The opaque of the first frame. It holds line ends, so that a server of the text protocol takes the frame for a line and
 * refuses it, instead of waiting for more; nothing else is sent before the answer.
 */
const OPAQUE = 0x0d0a0d0a;

/** The first frame of a connection: the login, or a NOOP. */
export function handshakeFrame({ login }: ServerConfig): Buffer {
  if (login === undefined) return encode([{ opcode: Opcode.noop }], OPAQUE);
  const value = `\0${login.username}\0${login.password}`;
  return encode([{ opcode: Opcode.saslAuth, key: 'PLAIN', value }], OPAQUE);
}

const MAX_TEXT_LENGTH = 200;
/** What a line of the text protocol begins with that refuses. */
const REFUSALS = ['ERROR', 'CLIENT_ERROR', 'SERVER_ERROR'];

/** What a server begins with, however it is cut. */
export class HandshakeReader {
  #text: string | undefined;
  #isBinary = false;

  /** Why what it said when it said no more is no answer; `undefined` if it said nothing, or answers. */
  get refusal(): DriverError | undefined {
    return this.#text === undefined ? undefined : refusedHandshake(this.#text);
  }

  /** Whether these bytes belong to an answer, or to a line that goes on; else it is refused. */
  read(bytes: Buffer): 'response' | 'more' | 'refused' {
    if (this.#text === undefined && (this.#isBinary || bytes[0] === RESPONSE_MAGIC)) {
      this.#isBinary = true;
      return 'response';
    }
    const text = (this.#text ?? '') + bytes.toString('latin1', 0, MAX_TEXT_LENGTH);
    this.#text = text;
    const line = REFUSALS.some((word) => text.startsWith(word) || word.startsWith(text));
    return line && !text.includes('\n') && text.length < MAX_TEXT_LENGTH ? 'more' : 'refused';
  }
}

/** Why an answer to the greeting is no welcome, or `undefined`. */
export function handshakeError(
  { login }: ServerConfig,
  { status, opaque }: { readonly status: number; readonly opaque: number },
): DriverError | undefined {
  if (opaque !== OPAQUE) return notConnected('the server answered what was not asked');
  if (status === Status.ok) return undefined;
  return login === undefined ? refusedRequest(status) : refusedLogin(status);
}
