import type { DriverError } from '@ninefold/core';
import { notConnected, refusedHandshake, refusedLogin, refusedRequest } from './failures.ts';
import { encode, Opcode, RESPONSE_MAGIC, Status } from './protocol.ts';
import type { ServerConfig } from './socket.ts';

/**
 * The opaque of the first frame. It contains line breaks, so that a text-protocol server takes the frame for a line and
 * refuses it, instead of waiting for more. Nothing else is sent before the response.
 */
const OPAQUE = 0x0d0a0d0a;

/** The first frame of a connection: the login, or a NOOP. */
export function handshakeFrame({ login }: ServerConfig): Buffer {
  if (login === undefined) return encode([{ opcode: Opcode.noop }], OPAQUE);
  const value = `\0${login.username}\0${login.password}`;
  return encode([{ opcode: Opcode.saslAuth, key: 'PLAIN', value }], OPAQUE);
}

const MAX_TEXT_LENGTH = 200;
/** The beginnings of error lines in the text protocol. */
const ERROR_WORDS = ['ERROR', 'CLIENT_ERROR', 'SERVER_ERROR'];

/** Judges the first bytes that a server sends, in chunks of any size. */
export class HandshakeReader {
  #text: string | undefined;
  #isBinary = false;

  /** The error for the text received so far; `undefined` if there is none, or for a binary response. */
  get refusal(): DriverError | undefined {
    return this.#text === undefined ? undefined : refusedHandshake(this.#text);
  }

  /** What the bytes belong to: a binary `response`, an error line that needs `more`, or anything else (`refused`). */
  read(bytes: Buffer): 'response' | 'more' | 'refused' {
    if (this.#text === undefined && (this.#isBinary || bytes[0] === RESPONSE_MAGIC)) {
      this.#isBinary = true;
      return 'response';
    }
    const text = (this.#text ?? '') + bytes.toString('latin1', 0, MAX_TEXT_LENGTH);
    this.#text = text;
    const isErrorLine = ERROR_WORDS.some((word) => text.startsWith(word) || word.startsWith(text));
    return isErrorLine && !text.includes('\n') && text.length < MAX_TEXT_LENGTH ? 'more' : 'refused';
  }
}

/** The error of a response to the first frame, or `undefined` if it is a success. */
export function handshakeError(
  { login }: ServerConfig,
  { status, opaque }: { readonly status: number; readonly opaque: number },
): DriverError | undefined {
  if (opaque !== OPAQUE) return notConnected('the server sent a response to another request');
  if (status === Status.ok) return undefined;
  return login === undefined ? refusedRequest(status) : refusedLogin(status);
}
