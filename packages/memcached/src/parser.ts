import { HEADER_BYTES, ProtocolError, RESPONSE_MAGIC, type ResponseFrame } from './protocol.ts';

/** An answer with what tells where it belongs. */
export interface ReceivedFrame extends ResponseFrame {
  readonly opaque: number;
}

/** An item takes 1 GiB at the most (`-I`), and a little besides. */
const MAX_FRAME_BYTES = 1.1 * 1024 ** 3;

/** Cuts what a socket receives into answers. What comes in many chunks is copied once, as it comes. */
export class Parser {
  /** Of an answer that is not complete: the header, and then all of it. */
  #frame = Buffer.allocUnsafe(HEADER_BYTES);
  #received = 0;

  /** Hands over the answers that a chunk completes, in order; throws for what is none. Keeps nothing of the chunk. */
  read(chunk: Buffer, onFrame: (frame: ReceivedFrame) => void): void {
    let at = 0;
    while (at < chunk.length) {
      const whole = this.#received === 0 && chunk.length - at >= HEADER_BYTES;
      const size = whole ? frameSize(chunk, at) : Number.POSITIVE_INFINITY;
      if (size > chunk.length - at) at += this.#buffer(chunk.subarray(at), onFrame);
      else {
        onFrame(frameAt(chunk, at, size));
        at += size;
      }
    }
  }

  /** How many bytes it took. */
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
  throw new ProtocolError('no answer');
}

/** After the header, the extras and the key. */
function valueOffset(bytes: Buffer, at: number): number {
  return at + HEADER_BYTES + (bytes[at + 4] as number) + bytes.readUInt16BE(at + 2);
}

function frameAt(bytes: Buffer, at: number, size: number): ReceivedFrame {
  const status = bytes.readUInt16BE(at + 6);
  const opaque = bytes.readUInt32BE(at + 12);
  return { status, opaque, bytes, casOffset: at + 16, from: valueOffset(bytes, at), to: at + size };
}
