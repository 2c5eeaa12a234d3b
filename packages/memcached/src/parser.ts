import { ANSWER, type Answer, HEADER_BYTES, OutOfStep } from './protocol.ts';

/** An answer with what tells where it belongs. */
export interface Received extends Answer {
  readonly opaque: number;
}

/** An item takes 1 GiB at the most (`-I`), and a little besides. */
const MOST_BYTES = 1.1 * 1024 ** 3;

/** Cuts what a socket receives into answers. What comes in many chunks is copied once, as it comes. */
export class Parser {
  /** Of an answer that is not complete: the header, and then all of it. */
  #frame = Buffer.allocUnsafe(HEADER_BYTES);
  #received = 0;

  /** Hands over the answers that a chunk completes, in order; throws for what is none. Keeps nothing of the chunk. */
  read(chunk: Buffer, take: (answer: Received) => void): void {
    let at = 0;
    while (at < chunk.length) {
      const whole = this.#received === 0 && chunk.length - at >= HEADER_BYTES;
      const size = whole ? sizeOf(chunk, at) : Number.POSITIVE_INFINITY;
      if (size > chunk.length - at) at += this.#gather(chunk.subarray(at), take);
      else {
        take(answerAt(chunk, at, size));
        at += size;
      }
    }
  }

  /** How many bytes it took. */
  #gather(bytes: Buffer, take: (answer: Received) => void): number {
    const copied = bytes.copy(this.#frame, this.#received);
    this.#received += copied;
    if (this.#received < this.#frame.length) return copied;
    const size = sizeOf(this.#frame, 0);
    const frame = this.#frame;
    if (size > frame.length) {
      this.#frame = Buffer.allocUnsafe(size);
      frame.copy(this.#frame);
    } else {
      this.#frame = Buffer.allocUnsafe(HEADER_BYTES);
      this.#received = 0;
      take(answerAt(frame, 0, size));
    }
    return copied;
  }
}

function sizeOf(bytes: Buffer, at: number): number {
  const size = HEADER_BYTES + bytes.readUInt32BE(at + 8);
  if (bytes[at] === ANSWER && size >= valueAt(bytes, at) - at && size <= MOST_BYTES) return size;
  throw new OutOfStep('no answer');
}

/** After the header, the extras and the key. */
function valueAt(bytes: Buffer, at: number): number {
  return at + HEADER_BYTES + (bytes[at + 4] as number) + bytes.readUInt16BE(at + 2);
}

function answerAt(bytes: Buffer, at: number, size: number): Received {
  const status = bytes.readUInt16BE(at + 6);
  const opaque = bytes.readUInt32BE(at + 12);
  return { status, opaque, bytes, casAt: at + 16, from: valueAt(bytes, at), to: at + size };
}
