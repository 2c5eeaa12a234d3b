import { Refusal } from './failures.ts';

/**
 * Text, an integer, which is rounded outside the safe range, `null` for a missing value, an error, or a list. A map is a list of
 * its keys and values in turn.
 */
export type Reply = string | number | null | Refusal | readonly Reply[];

/** A list whose items are not all there. */
class OpenList {
  readonly items: Reply[] = [];
  readonly length: number;

  constructor(length: number) {
    this.length = length;
  }
}

/** The first byte of each type of reply. */
const ARRAY = 0x2a; // *
const BULK_STRING = 0x24; // $
const ERROR = 0x2d; // -
const INTEGER = 0x3a; // :
const MAP = 0x25; // %
const NULL = 0x5f; // _
const SIMPLE_STRING = 0x2b; // +

const CR = 0x0d;
const LF = 0x0a;
const CRLF_BYTES = 2;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

/** Redis limits a line that it reads to as much. */
const MAX_LINE_BYTES = 64 * 1024;

const NOTHING = Buffer.alloc(0);

/**
 * Splits received bytes into the replies that the commands of this package get, in RESP2 or RESP3
 * (https://redis.io/docs/latest/develop/reference/protocol-spec/).
 */
export class ReplyParser {
  #bytes: Buffer = NOTHING;
  #at = 0;
  /** The chunks of an incomplete item, and how many bytes it has at least. */
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #neededBytes = 0;
  /** The innermost is the last. */
  readonly #openLists: OpenList[] = [];

  /** Calls `onReply` for each reply that a chunk completes, in order. Throws for bytes that are no reply. */
  read(chunk: Buffer, onReply: (reply: Reply) => void): void {
    if (this.#keptBytes === 0) this.#bytes = chunk;
    else {
      this.#keep(chunk);
      if (this.#keptBytes < this.#neededBytes) return;
      this.#bytes = Buffer.concat(this.#kept);
      this.#kept = [];
      this.#keptBytes = 0;
    }
    this.#at = 0;
    while (this.#at < this.#bytes.length) {
      const start = this.#at;
      this.#neededBytes = 0;
      const item = this.#readItem();
      if (item === undefined) {
        this.#keep(this.#bytes.subarray(start));
        break;
      }
      if (item instanceof OpenList) this.#openLists.push(item);
      else this.#complete(item, onReply);
    }
    // A large reply is not kept until the next one.
    this.#bytes = NOTHING;
  }

  #keep(bytes: Buffer): void {
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
  }

  /** Adds an item to its list, if any. If that completes a reply, it calls `onReply`. */
  #complete(item: Reply, onReply: (reply: Reply) => void): void {
    let reply = item;
    for (let list = this.#openLists.at(-1); list !== undefined; list = this.#openLists.at(-1)) {
      if (list.items.push(reply) < list.length) return;
      this.#openLists.pop();
      reply = list.items;
    }
    onReply(reply);
  }

  /** Returns `undefined` if the item is incomplete. */
  #readItem(): Reply | OpenList | undefined {
    const type = this.#bytes[this.#at] as number;
    switch (type) {
      case BULK_STRING:
        return this.#readBulkString();
      case SIMPLE_STRING:
        return this.#readLine();
      case INTEGER:
        return this.#readInteger();
      case ARRAY:
        return this.#readList(1);
      case MAP:
        return this.#readList(2);
      case NULL: {
        const line = this.#readLine();
        if (line) throw unexpected(line.charCodeAt(0));
        return line === undefined ? undefined : null;
      }
      case ERROR: {
        const line = this.#readLine();
        return line === undefined ? undefined : new Refusal(line);
      }
    }
    throw unexpected(type);
  }

  #readBulkString(): string | null | undefined {
    const start = this.#at;
    const length = this.#readLength();
    if (length === undefined) return undefined;
    if (length < 0) return null;
    const end = this.#at + length;
    if (end + CRLF_BYTES > this.#bytes.length) {
      this.#neededBytes = end + CRLF_BYTES - start;
      return undefined;
    }
    if (this.#bytes[end] !== CR) throw unexpected(this.#bytes[end] as number);
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + CRLF_BYTES;
    return text;
  }

  #readList(itemsOfEach: number): readonly Reply[] | OpenList | null | undefined {
    const length = this.#readLength();
    if (length === undefined) return undefined;
    if (length < 0) return null;
    return length === 0 ? [] : new OpenList(length * itemsOfEach);
  }

  /** A length is -1 for a missing value. */
  #readLength(): number | undefined {
    const length = this.#readInteger();
    if (length !== undefined && length < -1) throw unexpected(MINUS);
    return length;
  }

  #readInteger(): number | undefined {
    const bytes = this.#bytes;
    const isNegative = bytes[this.#at + 1] === MINUS;
    const start = this.#at + (isNegative ? 2 : 1);
    let number = 0;
    for (let at = start; at + 1 < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte === CR && at > start) {
        this.#at = at + CRLF_BYTES;
        return isNegative ? -number : number;
      }
      if (byte < ZERO || byte > NINE) throw unexpected(byte);
      // In this order no sum leaves the safe range before the result does.
      number = number * 10 + (byte - ZERO);
    }
    this.#assertLineMayEnd();
    return undefined;
  }

  #readLine(): string | undefined {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    for (let at = start; at + 1 < bytes.length; at++) {
      if (bytes[at] !== CR) continue;
      if (bytes[at + 1] !== LF) throw unexpected(bytes[at + 1] as number);
      this.#at = at + CRLF_BYTES;
      return bytes.toString('utf8', start, at);
    }
    this.#assertLineMayEnd();
    return undefined;
  }

  /** Throws if the present line is so long that no server sends it. */
  #assertLineMayEnd(): void {
    const bytes = this.#bytes;
    if (bytes.length - this.#at > MAX_LINE_BYTES) throw unexpected(bytes[this.#at] as number);
  }
}

function unexpected(byte: number): Error {
  return new Error(`Protocol error, got byte ${byte}`);
}
