import { HEADER_BYTES, ProtocolError, RESPONSE_MAGIC, type ResponseFrame } from './protocol.ts';

/** A response frame with the opaque that matches it to its request. */
export interface ReceivedFrame extends ResponseFrame {
  readonly opaque: number;
}

/** memcached's largest item limit (`-I`) is 1 GiB; header and extras take a little more. */
const MAX_FRAME_BYTES = 1.1 * 1024 ** 3;

/** Splits received bytes into frames. A frame that arrives in several chunks is copied once. */
export class Parser {
  /** Buffer of an incomplete frame: first for its header, then for all of it. */
  #frame = Buffer.allocUnsafe(HEADER_BYTES);
  #received = 0;

  /** Calls `onFrame` for each frame that a chunk completes, in order. Throws for other bytes. Does not keep the chunk. */
  read(chunk: Buffer, onFrame: (frame: ReceivedFrame) => void): void {
    let at = 0;
    while (at < chunk.length) {
      const hasHeader = this.#received === 0 && chunk.length - at >= HEADER_BYTES;
      const size = hasHeader ? frameSize(chunk, at) : Number.POSITIVE_INFINITY;
      if (size > chunk.length - at) at += this.#buffer(chunk.subarray(at), onFrame);
      else {
        onFrame(frameAt(chunk, at, size));
        at += size;
      }
    }
  }

  /** Adds bytes to the incomplete frame. Returns how many it used. */
  #buffer(bytes: Buffer, onFrame: (frame: ReceivedFrame) => void): number {
    const copied = bytes.copy(this.#frame, this.#received);
    this.#received += copied;
    if (this.#received < this.#frame.length) return copied;
    const size = frameSize(this.#frame, 0);
    const frame = this.#frame;
    if (size > frame.length) {
      this.#frame = Buffer.allocUnsafe(size);
      frame.copy(this.#frame);
    } else {
      this.#frame = Buffer.allocUnsafe(HEADER_BYTES);
      this.#received = 0;
      onFrame(frameAt(frame, 0, size));
    }
    return copied;
  }
}

function frameSize(bytes: Buffer, at: number): number {
  const size = HEADER_BYTES + bytes.readUInt32BE(at + 8);
  if (bytes[at] === RESPONSE_MAGIC && size >= valueOffset(bytes, at) - at && size <= MAX_FRAME_BYTES) return size;
  throw new ProtocolError('not a response');
}

/** The value begins after the header, the extras and the key. */
function valueOffset(bytes: Buffer, at: number): number {
  return at + HEADER_BYTES + (bytes[at + 4] as number) + bytes.readUInt16BE(at + 2);
}

function frameAt(bytes: Buffer, at: number, size: number): ReceivedFrame {
  const status = bytes.readUInt16BE(at + 6);
  const opaque = bytes.readUInt32BE(at + 12);
  return { status, opaque, bytes, casOffset: at + 16, from: valueOffset(bytes, at), to: at + size };
}
