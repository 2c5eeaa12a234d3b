import { ANSWER, type Answer, HEADER_BYTES } from './protocol.ts';

/** An answer with what tells where it belongs. */
export interface Received extends Answer {
  readonly opaque: number;
}

/** Cuts what a socket receives into answers. A frame that comes in many chunks is copied once. */
export class Parser {
  #chunks: Buffer[] = [];
  #received = 0;
  #needed = HEADER_BYTES;

  /** The answers that a chunk completes, in order; throws for what is none. */
  *read(chunk: Buffer): Generator<Received> {
    this.#chunks.push(chunk);
    this.#received += chunk.length;
    if (this.#received < this.#needed) return;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#received);
    let at = 0;
    this.#needed = HEADER_BYTES;
    while (bytes.length - at >= HEADER_BYTES) {
      const extrasLength = bytes[at + 4] as number;
      const before = HEADER_BYTES + extrasLength + bytes.readUInt16BE(at + 2);
      const size = HEADER_BYTES + bytes.readUInt32BE(at + 8);
      if (bytes[at] !== ANSWER || size < before) throw new Error('no answer');
      if (bytes.length - at < size) {
        this.#needed = size;
        break;
      }
      yield {
        status: bytes.readUInt16BE(at + 6),
        opaque: bytes.readUInt32BE(at + 12),
        bytes,
        casAt: at + 16,
        from: at + before,
        to: at + size,
      };
      at += size;
    }
    const rest = bytes.subarray(at);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#received = rest.length;
  }
}
