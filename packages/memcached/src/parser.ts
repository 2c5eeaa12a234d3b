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

  /** Hands over the answers that a chunk completes, in order; throws for what is none. Keeps nothing of the chunk. */
  read(chunk: Buffer, take: (answer: Received) => void): void {
    const length = this.#received + chunk.length;
    if (length < this.#needed) {
      this.#keep(chunk);
      return;
    }
    const bytes = this.#received === 0 ? chunk : Buffer.concat([...this.#chunks, chunk], length);
    this.#chunks = [];
    this.#received = 0;
    this.#needed = HEADER_BYTES;
    let at = 0;
    while (length - at >= HEADER_BYTES) {
      const before = HEADER_BYTES + (bytes[at + 4] as number) + bytes.readUInt16BE(at + 2);
      const size = HEADER_BYTES + bytes.readUInt32BE(at + 8);
      if (bytes[at] !== ANSWER || size < before) throw new Error('no answer');
      if (length - at < size) {
        this.#needed = size;
        break;
      }
      const status = bytes.readUInt16BE(at + 6);
      const opaque = bytes.readUInt32BE(at + 12);
      take({ status, opaque, bytes, casAt: at + 16, from: at + before, to: at + size });
      at += size;
    }
    if (at < length) this.#keep(bytes.subarray(at));
  }

  #keep(bytes: Buffer): void {
    this.#chunks.push(Buffer.from(bytes));
    this.#received += bytes.length;
  }
}
