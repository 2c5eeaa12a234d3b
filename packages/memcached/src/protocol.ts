/** Opcodes of memcached's binary protocol. The server omits the expected response to a quiet one (`…q`). */
export const Opcode = {
  get: 0x00,
  set: 0x01,
  delete: 0x04,
  incr: 0x05,
  decr: 0x06,
  getq: 0x09,
  noop: 0x0a,
  setq: 0x11,
  deleteq: 0x14,
  saslAuth: 0x21,
} as const;

export const Status = {
  ok: 0x00,
  notFound: 0x01,
  exists: 0x02,
  tooLarge: 0x03,
  notStored: 0x05,
  notNumeric: 0x06,
  authError: 0x20,
  unknownCommand: 0x81,
  outOfMemory: 0x82,
  busy: 0x85,
  temporaryFailure: 0x86,
} as const;

export const HEADER_BYTES = 24;
/** The first byte of every response. */
export const RESPONSE_MAGIC = 0x81;
const REQUEST_MAGIC = 0x80;

/** The server sent something that is not a response, or a response to another request. */
export class ProtocolError extends Error {}

/** One frame of a request. */
export interface RequestFrame {
  readonly opcode: number;
  /** ASCII. */
  readonly key?: string | undefined;
  readonly extras?: Buffer | undefined;
  readonly value?: string | undefined;
  readonly cas?: bigint | undefined;
}

/** One frame of a response, as offsets into the received bytes. */
export interface ResponseFrame {
  readonly status: number;
  readonly bytes: Buffer;
  /** Offset of the CAS, which has eight bytes. */
  readonly casOffset: number;
  /** Offsets of the value's beginning and end. */
  readonly from: number;
  readonly to: number;
}

/** Encodes frames into one buffer, with consecutive opaques from `opaque` on. */
export function encode(frames: readonly RequestFrame[], opaque: number): Buffer {
  const lengths = frames.map(({ value }) => (value === undefined ? 0 : Buffer.byteLength(value)));
  let size = 0;
  for (const [index, { key = '', extras }] of frames.entries()) {
    size += HEADER_BYTES + (extras?.length ?? 0) + key.length + (lengths[index] as number);
  }
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const [index, { opcode, key = '', extras, value = '', cas }] of frames.entries()) {
    const extrasLength = extras?.length ?? 0;
    const valueLength = lengths[index] as number;
    bytes.writeUInt16BE((REQUEST_MAGIC << 8) | opcode, at);
    bytes.writeUInt16BE(key.length, at + 2);
    // One byte for the length of the extras, one for the data type 0, and two reserved bytes.
    bytes.writeUInt32BE(extrasLength * 0x1000000, at + 4);
    bytes.writeUInt32BE(extrasLength + key.length + valueLength, at + 8);
    bytes.writeUInt32BE((opaque + index) >>> 0, at + 12);
    if (cas === undefined) bytes.fill(0, at + 16, at + HEADER_BYTES);
    else bytes.writeBigUInt64BE(cas, at + 16);
    at += HEADER_BYTES;
    if (extras !== undefined) at += extras.copy(bytes, at);
    at += bytes.write(key, at, 'latin1');
    if (valueLength > 0) at += bytes.write(value, at, valueLength, 'utf8');
  }
  return bytes;
}

/** The extras of a SET: flags of 0, and the expiry in seconds, or in seconds since 1970 if above 30 days; 0 is never. */
export function setExtras(expires: number): Buffer {
  const extras = Buffer.alloc(8);
  extras.writeUInt32BE(expires, 4);
  return extras;
}

/** An expiry that tells INCR and DECR not to create a missing counter. */
export const DO_NOT_CREATE = 0xffffffff;

/** The extras of INCR and DECR: the amount, and the initial value and expiry of a missing counter. */
export function counterExtras(amount: bigint, initial: bigint, expires: number): Buffer {
  const extras = Buffer.allocUnsafe(20);
  extras.writeBigUInt64BE(amount, 0);
  extras.writeBigUInt64BE(initial, 8);
  extras.writeUInt32BE(expires, 16);
  return extras;
}
